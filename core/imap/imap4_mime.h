/* SPDX-License-Identifier: MIT */
/*
 * imap4_mime.h -- typed views of ENVELOPE and BODYSTRUCTURE (RFC 9051 section 7.5.2).
 *
 * Both are read from the generic values of a FETCH response; what a server adds or spoils is reachable
 * through imap4_node all the same. Servers differ here more than anywhere else, so reading is lenient: a field that
 * is not what the grammar says is absent, never fatal.
 */
#ifndef IMAP4_MIME_H
#define IMAP4_MIME_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One address. A group begins with an entry whose host is absent and whose mailbox is the group's name, and ends with
 * one in which both are absent. name is as sent: it may hold RFC 2047 encoded words. */
typedef struct imap4_address {
	imap4_str name, route, mailbox, host;
} imap4_address;

typedef struct imap4_address_list {
	const imap4_address *at;
	size_t n;
} imap4_address_list;

typedef struct imap4_envelope {
	imap4_str date, subject, in_reply_to, message_id; /* absent = NIL; "" is an empty header */
	imap4_address_list from, sender, reply_to, to, cc, bcc;
} imap4_envelope;

/* The value of the ENVELOPE item. NULL: no list, or out of memory. Free with imap4_envelope_free(); its strings are
 * borrowed from the response. */
IMAP4_API imap4_envelope *imap4_envelope_new(const imap4_node *value);
IMAP4_API void imap4_envelope_free(imap4_envelope *e);

typedef struct imap4_param {
	imap4_str name, value;
} imap4_param;

typedef struct imap4_body imap4_body;
struct imap4_body {
	imap4_str type, subtype; /* "TEXT", "PLAIN"; "MULTIPART" for a multipart */
	const imap4_param *params;
	size_t nparams;
	imap4_str id, description, encoding;
	uint64_t size;	/* octets in the transfer encoding; basic, text and message parts */
	uint64_t lines; /* text and message parts */
	int has_lines;
	/* extension data; absent when BODY was asked for, or the server leaves it out */
	imap4_str md5, disposition, location;
	const imap4_param *disposition_params;
	size_t ndisposition_params;
	const imap4_str *languages;
	size_t nlanguages;
	/* MESSAGE/RFC822 and MESSAGE/GLOBAL */
	imap4_envelope *envelope;
	/* parts of a multipart, or the one body of a message */
	imap4_body *const *parts;
	size_t nparts;
	/* "1.2.3": what BODY[...] wants for this part; "" for the outermost multipart, "1" for a single part */
	const char *section;
};

/* The value of BODYSTRUCTURE or BODY. NULL: no list, nested deeper than the parser allows, or out of memory. Free with
 * imap4_body_free(); its strings, but for sections, are borrowed from the response. */
IMAP4_API imap4_body *imap4_body_new(const imap4_node *value);
IMAP4_API void imap4_body_free(imap4_body *b);
/* A parameter by name, case ignored; absent otherwise. */
IMAP4_API imap4_str imap4_param_find(const imap4_param *p, size_t n, const char *name);

#ifdef __cplusplus
}
#endif
#endif
