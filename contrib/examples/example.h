/* SPDX-License-Identifier: MIT */
/* example.h -- what the examples share: the configuration file, a connection, printing. Not part of the library. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <imap4/imap4.h>
#include <imap4/imap4_call.h>
#include <imap4/imap4_util.h>

/*
 * The file, named on the command line, else ~/.imap4-example:
 *
 *       [server]
 *       hostname = imap.example.org
 *       port = 993
 *       ca-file = /etc/ssl/my-ca.pem
 *
 *       [account]
 *       username = me
 *       password = secret
 *
 * port and ca-file may be left out.
 */
struct example_config {
	char hostname[256], username[256], password[256], ca_file[1024];
	unsigned short port;
};

/* Each of these ends the program with a message when something fails. */
void example_read_config(struct example_config *c, int argc, char **argv);
/* Over TLS; events may be NULL. Nobody is logged in yet. */
imap4_session *example_connect(const struct example_config *c, const imap4_events *events);
/* All of it: read the file, connect, log in. */
imap4_session *example_login(int argc, char **argv);
/* Go on only if rc is IMAP4_OK. */
void example_check(imap4_session *s, imap4_err rc);
/* All mailboxes of the account; imap4_reply_free() it. */
imap4_reply *example_mailboxes(imap4_session *s);

/* LOGOUT and close. Returns the exit status of the program: 0. */
int example_close(imap4_session *s);

/* "OK", "NO", "BAD", or the name of the error. */
const char *example_outcome(imap4_err rc);
/* What the server said to the last command: "[CODE] text". */
void example_print_answer(const imap4_session *s);

/* What a server sends may hold anything: these show control characters as \x1b, so that no terminal obeys them. */
void example_print(imap4_str text);
/* Lines: CRLF and TAB are let through. */
void example_print_lines(const char *p, size_t n);
/* What is behind the name of a response, typed form or not: (\HasChildren) "." Example */
void example_print_values(const imap4_data *d);
/* "(\Seen \Flagged)" */
void example_print_flags(const imap4_message *m);
/* "1 2 5" */
void example_print_numbers(const imap4_set *set);

#endif
