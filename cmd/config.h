/* SPDX-License-Identifier: MIT */
/*
 * config.h -- imapsync.conf and account URLs to struct config_account. imapsync.conf(5) is the reference.
 *
 * Grammar: "[defaults]" and "[account NAME]" sections; "key = value" lines; '#' or ';' at the start of a line, or '#'
 * after white space or '=', begins a comment; a value in double quotes is taken as it is, with \" and \\ inside.
 * Unknown sections and keys, and a key given twice that may not repeat, are errors with file and line.
 */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "core/sync/sync.h"

#define CONFIG_FILE_MAX	    (1u << 20) /* bytes of a configuration file */
#define CONFIG_ACCOUNTS_MAX 10000

struct string_list {
	char **at; /* NULL-terminated once it is not empty */
	size_t n;
};

struct config_account {
	char *name;
	unsigned line; /* where its section begins; 0 = from a URL */
	char *host, *user, *authzid, *auth, *path;
	char *ca_file, *client_cert, *client_key;
	char *password, *password_file;
	struct string_list password_command, tunnel; /* words */
	struct string_list pins, folders, exclude, disable;
	unsigned port, connections, window, audit_every, timeout_s;
	uint64_t max_message_size, byte_budget;
	imap4_security security;
	enum store_layout layout;
	enum store_newline newline;
	enum sync_compress compress;
	bool pin_only, allow_cleartext, subscribed_only, no_id;
	bool default_path; /* nobody gave a path */
	uint64_t given;	   /* bit i: the i-th key was set in this section */
};

struct config {
	char *file; /* that was read, or NULL */
	struct config_account *account;
	size_t n;
};

void config_init(struct config *c);
void config_release(struct config *c); /* wipes passwords */

/*
 * Read `file`, or, when it is NULL, the first of $XDG_CONFIG_HOME/imapsync/imapsync.conf (~/.config/... when unset) and
 * /etc/imapsync/imapsync.conf that exists. -1: E_CONFIG (ERR_USAGE) with "FILE:LINE: ...", E_MISSING when there is no
 * file at all. A file that holds a password must belong to us (or root) and be closed to group and others.
 */
int config_read(struct config *c, const char *file, struct err *e) NODISCARD;

/* The text of a file, which is changed; text[n] is NUL. `file` is for messages. *password: some section holds one. */
int config_parse(struct config *c, const char *file, char *text, size_t n, bool *password,
	struct err *e) NODISCARD;

/* The account with this name, or NULL. */
struct config_account *config_find(const struct config *c, const char *name);

/* True for imaps:// and imap:// URLs. */
bool config_is_url(const char *s);
/* "imaps://user@host[:port]" (implicit TLS) or "imap://user@host[:port]" (STARTTLS; RFC 5092 without a path). The account
 * is appended to c under the name "user@host". %XX in the user part is decoded. A password in the URL is refused. */
int config_add_url(
	struct config *c, const char *url, struct config_account **out, struct err *e) NODISCARD;

/* Fill in what is still open after parsing: default path, "~" and "%a". Checks that what must be there is. */
int config_finish(const struct config *c, struct config_account *a, struct err *e) NODISCARD;

/* The account as core/sync wants it. Borrows everything from `a`. */
void config_to_sync(const struct config_account *a, struct sync_account *out);

/* Every key, in the order of the manual; NULL at the end. For tests and documentation. */
const char *config_key_name(size_t i);

/* Words of a command line without a shell: blanks separate, '...' and "..." quote; \" and \\ inside double quotes. -1: E_CONFIG. */
int words_split(const char *text, struct string_list *out, struct err *e) NODISCARD;
int string_list_add(struct string_list *l, const char *s, size_t n);
void string_list_release(struct string_list *l);

#endif
