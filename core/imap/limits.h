/* SPDX-License-Identifier: MIT */
/*
 * limits.h -- every bound on what a server may make us do, with its name and default. Each is tested at
 * the limit and one beyond.
 */
#ifndef CORE_IMAP_LIMITS_H
#define CORE_IMAP_LIMITS_H

#include <stddef.h>

#define IMAP_TOKEN_MAX	  (64u << 10) /* octets of one atom or quoted string */
#define IMAP_RESPONSE_MAX (1u << 20)  /* octets of one response with its small literals */
#define IMAP_LIST_RESPONSE_MAX                                                                     \
	(64u << 20) /* the same for SEARCH, ESEARCH, VANISHED, SORT, THREAD */
#define IMAP_LITERAL_MAX                                                                           \
	(64u << 10) /* a literal that goes to no sink; larger: the response is an error */
#define IMAP_LITERALS_MAX     64     /* literals in one response */
#define IMAP_DEPTH_MAX	      25     /* nesting of parentheses */
#define IMAP_NODES_MAX	      200000 /* values in one response */
#define IMAP_DIGITS_MAX	      20     /* digits of a number */
#define IMAP_CAPABILITIES_MAX 512    /* capability names kept */
#define IMAP_UNASKED_MAX      100000 /* untagged responses in a row without progress of a command */
#define IMAP_SASL_ROUNDS_MAX  16
#define IMAP_COMMAND_MAX                                                                           \
	1000 /* octets of a command line without literals (RFC 2683 section 3.2.1.5) */
#define IMAP_COMMAND_ABSOLUTE_MAX 8000
#define IMAP_APPEND_MESSAGES_MAX  1000	     /* messages in one APPEND */
#define IMAP_APPEND_SYNC_OVER	  (1u << 20) /* octets: larger messages wait for the server's "+" */
#define IMAP_LIMIT_PARTS_MAX	  1000	     /* lines that a set becomes because of MESSAGELIMIT */
#define IMAP_SORTED_MAX		  (8u << 20) /* numbers in one sorted result */
#define IMAP_MAILBOX_MAX	  1000	     /* octets of a mailbox name */
#define IMAP_WINDOW_DEFAULT	  32	     /* commands in flight */
#define IMAP_OUTPUT_MAX		  (64u << 10)  /* octets of commands encoded but not written */
#define IMAP_READ_CHUNK		  (256u << 10) /* octets read in one turn */

struct imap_limits {
	size_t token, response, list_response, literal;
};

#endif
