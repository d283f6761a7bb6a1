/* SPDX-License-Identifier: MIT */
/* imap4_metadata.h -- annotations of mailboxes and of the server: METADATA (RFC 5464) and its forerunner ANNOTATEMORE.
 * Included by imap4.h. */
#ifndef IMAP4_METADATA_H
#define IMAP4_METADATA_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- METADATA (RFC 5464) ---------------------------------------------------------------------------------- *
 * The empty mailbox name means the server itself. IMAP4_E_NOCAP without METADATA; METADATA-SERVER is enough for the
 * server's own entries.
 */

enum { IMAP4_DEPTH_0 = 0, IMAP4_DEPTH_1 = 1, IMAP4_DEPTH_INFINITY = 2 };

typedef struct imap4_getmetadata_opts {
	size_t struct_size;
	int depth;	  /* IMAP4_DEPTH_*: entries below those that are named (section 4.2.2) */
	uint64_t maxsize; /* octets: larger values are left out (section 4.2.1); 0 = no limit */
	/* The text of the RFC has the options in front of the mailbox (section 5) and behind it (its examples), and servers
	 * follow the one or the other. 0: in front. When that is answered with BAD: try 1. */
	int options_last;
} imap4_getmetadata_opts;

/* GETMETADATA for n > 0 entries ("/shared/comment", "/private"). Allowed by IMAP4_POLICY_BACKUP. The answers are read
 * with imap4_data_metadata(). A value above imap4_options.max_literal ends the session, so set maxsize to that when
 * values are not known to be small. */
IMAP4_API imap4_cmd *imap4_getmetadata_start(imap4_session *s, imap4_str mailbox,
	const char *const *entry, size_t n, const imap4_getmetadata_opts *o);

typedef struct imap4_metadata {
	imap4_str entry;
	imap4_str value; /* any octets; NULL: there is none */
	int changed;	 /* only the name was told: the value is another one now (section 4.4.2) */
} imap4_metadata;

/* SETMETADATA for n > 0 entries, all or none of them (section 4.3); a NULL value removes. `changed` is not looked at.
 * Refused by IMAP4_POLICY_BACKUP. */
IMAP4_API imap4_cmd *imap4_setmetadata_start(
	imap4_session *s, imap4_str mailbox, const imap4_metadata *entry, size_t n);

/* How far a response was read. Zero it to begin. */
typedef struct imap4_walk {
	const imap4_node *outer, *inner;
	int begun;
} imap4_walk;

/*
 * A METADATA response: its mailbox (absent: it is none), and entry after entry; 0 at the end. Strings are borrowed from
 * the response.
 *
 *     imap4_walk at = {0};
 *     for (imap4_metadata m; imap4_data_metadata(d, &at, &m);) ...
 *
 * Names without values (after ENABLE METADATA) belong to no command: they go to imap4_events.data.
 */
IMAP4_API imap4_str imap4_data_metadata_mailbox(const imap4_data *d);
IMAP4_API int imap4_data_metadata(const imap4_data *d, imap4_walk *at, imap4_metadata *out);

/* What a [METADATA ...] or [ANNOTATEMORE ...] code of a result says. */
typedef enum imap4_metadata_note {
	IMAP4_METADATA_NOTHING = 0, /* no such code */
	IMAP4_METADATA_OTHER,	    /* not one of these */
	IMAP4_METADATA_LONGENTRIES, /* OK, but values above maxsize were left out: *octets, the largest */
	IMAP4_METADATA_MAXSIZE, /* refused: *octets, the most that a value may have (0: not told) */
	IMAP4_METADATA_TOOMANY, /* refused: no further entries */
	IMAP4_METADATA_NOPRIVATE, /* refused: only /shared entries */
} imap4_metadata_note;
/* octets may be NULL. */
IMAP4_API imap4_metadata_note imap4_result_metadata(const imap4_result *r, uint64_t *octets);

/* ---- ANNOTATEMORE (draft-daboo-imap-annotatemore-08): old Cyrus servers ------------------------------------- *
 * IMAP4_E_NOCAP without ANNOTATEMORE. Entries have attributes: "/comment" has "value.shared" and "value.priv".
 */

typedef struct imap4_annotation {
	imap4_str entry, attribute;
	imap4_str value; /* NULL: there is none */
	int changed;	 /* only the entry was told */
} imap4_annotation;

/* GETANNOTATION; entries and attributes may hold '*' and '%'. Allowed by IMAP4_POLICY_BACKUP. */
IMAP4_API imap4_cmd *imap4_getannotation_start(imap4_session *s, imap4_str mailbox,
	const char *const *entry, size_t nentries, const char *const *attribute,
	size_t nattributes);
/* SETANNOTATION; neighbours with the same entry are sent as one entry. A NULL value removes. Refused by
 * IMAP4_POLICY_BACKUP. */
IMAP4_API imap4_cmd *imap4_setannotation_start(
	imap4_session *s, imap4_str mailbox, const imap4_annotation *annotation, size_t n);
/* An ANNOTATION response: as imap4_data_metadata(). */
IMAP4_API imap4_str imap4_data_annotation_mailbox(const imap4_data *d);
IMAP4_API int imap4_data_annotation(const imap4_data *d, imap4_walk *at, imap4_annotation *out);

#ifdef __cplusplus
}
#endif
#endif
