/* SPDX-License-Identifier: MIT */
/*
 * restore_internal.h -- what the restore_*.c files share. One folder is worked on at a time, over one connection; what it
 * wants outlives the connection.
 *
 *   restore.c         the job: origin, connection, one folder after the other
 *   restore_origin.c  what all origins share; restore_archive.c and import*.c are two of them
 *   restore_tree.c    names on the target; making folders
 *   restore_match.c   which of the wanted messages are there already
 *   restore_fetch.c   what the target's messages look like
 *   restore_send.c    uploading, journal
 *   restore_verify.c  reading back
 */
#ifndef CORE_SYNC_RESTORE_INTERNAL_H
#define CORE_SYNC_RESTORE_INTERNAL_H

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/job.h"
#include "core/sync/limits.h"
#include "core/sync/restore.h"
#include "core/sync/restore_content.h"
#include "core/sync/restore_origin.h"

enum want_state {
	WANT_OPEN,    /* to be sent */
	WANT_PRESENT, /* the target had it */
	WANT_SENT,    /* the server said OK */
	WANT_REFUSED, /* by the server, or damaged here: told and given up */
};

struct want {
	int64_t generation;
	uint32_t uid;
	enum want_state state;
	uint64_t size, claimed; /* on the wire; RFC822.SIZE where it came from */
	struct mail_date date;
	size_t flags, nflags; /* in r->text */
	unsigned char sha256[SHA256_LEN];
	uint32_t at;	 /* its UID on the target, 0 = unknown */
	bool maybe;	 /* an earlier upload may have got through ... */
	uint32_t from;	 /* ... with at least this UID, */
	uint32_t within; /* if UIDVALIDITY is still this; when no journal remembers it */
	bool checked;	 /* read back */
	unsigned deaths; /* connections lost while it was sent alone */
};

/* One connection to the target. */
struct restore_link {
	struct dial dial;
	bool connected;
	uint64_t limit; /* octets of one message that the server takes */
	bool limit_known;
	/* the mailbox as it was opened */
	uint32_t uidvalidity, uidnext;
	struct buf permanent; /* PERMANENTFLAGS, separated by spaces; empty = all */
};

struct restore {
	const struct sync_account *account; /* of the target */
	const struct restore_options *options;
	const struct sync_hooks *hooks;
	struct restore_report *report;
	struct restore_origin *origin;
	struct buf who; /* the target in the journal */
	struct restore_link link;
	unsigned reconnects;
	struct sync_progress progress;
	/* the target's tree */
	struct sync_folders remote;
	struct buf prefix; /* personal namespace */
	char delimiter;
	/* the folder at hand */
	struct buf wire, special; /* of the target; its special use, to be created with */
	struct buf name;	  /* of the origin's folder, shown */
	bool exists, subscribe, make_empty;
	bool careful; /* one message at a time: the connection was lost in a batch */
	struct buf text;
	struct want *want;
	size_t nwant, cap;
	uint32_t
		new_from; /* UIDNEXT before the first message was sent to the folder, 0 = unknown ... */
	uint32_t new_in; /* ... under this UIDVALIDITY */
	size_t notes;
};

/* restore.c */
void restore_note(struct restore *r, enum sync_note kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* About one message of the folder at hand; after many of them only counted. */
void restore_odd(struct restore *r, const struct want *w, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The same of any kind, not counted. */
void restore_say(struct restore *r, enum sync_note kind, const struct want *w, const char *text);
void restore_progress(struct restore *r);
imap4_str restore_wire(const struct restore *r);
struct slice want_flags(const struct restore *r, const struct want *w);

/* restore_tree.c */
/* Namespace and list of the target. */
int tree_read(struct restore *r, struct err *e) NODISCARD;
/* Where the origin's folder goes: fills in wire, special, exists. */
int tree_target(struct restore *r, const struct origin_folder *from, struct err *e) NODISCARD;
/* Create it with its parents. */
int tree_create(struct restore *r, struct err *e) NODISCARD;

/* restore_match.c */
/* Ask the journal and the target; wants that are there become WANT_PRESENT. */
int match_wants(struct restore *r, struct err *e) NODISCARD;
/* The UIDs of what was sent to a server that does not tell them. */
int match_learn(struct restore *r, struct err *e) NODISCARD;

/* restore_fetch.c */
/* SHA-256 of these messages of the target, or (exact) of their headers; those that the server leaves out are left out. */
int fetch_hashes(struct restore *r, const struct uidset *set, bool messages,
	int (*each)(void *ctx, uint32_t uid, const struct content *c, struct err *e), void *ctx,
	struct err *e) NODISCARD;

/* restore_send.c */
int send_wants(struct restore *r, struct err *e) NODISCARD;
/* Flags that the target can keep, as canonical text. *lost: not all. */
int send_flags(const struct restore *r, const struct want *w, struct mail_flags *out, bool *lost,
	struct err *e) NODISCARD;

/* restore_verify.c */
int verify_wants(struct restore *r, struct err *e) NODISCARD;

#endif
