/* SPDX-License-Identifier: MIT */
/*
 * verify.h -- is the archive what it should be, and mending it: the jobs behind `imapsync verify`
 * and `imapsync repair`.
 *
 * verify changes nothing, here or there. repair changes the archive only by moving files and
 * writing rows; what it cannot put right from what is here it fetches by an ordinary backup of
 * the folders concerned.
 */
#ifndef CORE_SYNC_VERIFY_H
#define CORE_SYNC_VERIFY_H

#include "core/sync/sync.h"

enum sync_server_check {
	SYNC_SERVER_NO,
	SYNC_SERVER_LIST, /* UIDs, sizes, dates */
	SYNC_SERVER_FULL, /* and every byte */
};

/* What differs between server and archive. */
enum sync_difference_kind {
	SYNC_DIFF_NOT_HERE,  /* the server has it, the archive not yet: a backup fetches it */
	SYNC_DIFF_NOT_THERE, /* deleted on the server since the last backup: no damage */
	SYNC_DIFF_SIZE, /* RFC822.SIZE is not the number of bytes: servers are often wrong, no damage */
	SYNC_DIFF_DATE,	       /* INTERNALDATE */
	SYNC_DIFF_CONTENT,     /* the server now gives other bytes */
	SYNC_DIFF_UIDVALIDITY, /* the folder was numbered anew since the last backup: no damage */
	SYNC_DIFF_FOLDER,      /* a folder that could not be compared */
	SYNC_DIFF_COUNT,
};
const char *sync_difference_name(enum sync_difference_kind k); /* "not-here", ... */
bool sync_difference_is_damage(enum sync_difference_kind k);   /* DATE and CONTENT */
bool sync_difference_is_unsafe(
	enum sync_difference_kind k); /* NOT_HERE and FOLDER: a backup is due */

struct sync_difference {
	enum sync_difference_kind kind;
	struct slice mailbox; /* name in UTF-8, not escaped */
	uint32_t uid;	      /* 0: the whole folder */
	const char *detail;   /* safe to print */
};

struct sync_verify_options {
	bool sample;	   /* read only a part of the contents; the next run reads the next part */
	uint32_t take, of; /* the part: 1/7, 5/100 */
	enum sync_server_check server;
	void *ctx;
	void (*finding)(void *ctx, const struct store_finding *f);
	void (*difference)(void *ctx, const struct sync_difference *d);
};

struct sync_verify_report {
	struct store_verify_counts local;
	uint64_t damage; /* findings that are damage */
	uint64_t compared,
		compared_bytes; /* messages compared with the server; bytes of them that it sent */
	uint64_t differences[SYNC_DIFF_COUNT];
	bool index_unusable; /* it is missing, or cannot be opened at all: nothing could be compared */
};

/* 0: it looked at everything it was asked to (look at the report); -1: it could not, *e says why;
 * the report tells what was found before. An index that is missing or damaged is not an error but
 * a finding. */
int sync_verify(const struct sync_account *a, const struct sync_verify_options *o,
	const struct sync_hooks *h, struct sync_verify_report *r, struct err *e) NODISCARD;

struct sync_repair_options {
	bool offline; /* no server: what is lost here stays failed until the next backup */
	void *ctx;
	void (*finding)(void *ctx, const struct store_finding *f, enum store_mending m);
	/* After the backup: a message that is still not here, and why (safe to print). */
	void (*unmended)(void *ctx, struct slice mailbox, uint32_t uid, const char *why);
};

struct sync_repair_report {
	struct store_recovery recovery; /* rebuilt, aside, adopted */
	struct store_repair_counts local;
	bool fetched;		   /* a backup was run */
	struct sync_report backup; /* of it */
	uint64_t unmended;	   /* messages lost for good, or at least for now */
};

/* 0: what can be mended is; -1: it stopped, *e says why (also when only the fetching failed). */
int sync_repair(const struct sync_account *a, const struct sync_repair_options *o,
	const struct sync_hooks *h, struct sync_repair_report *r, struct err *e) NODISCARD;

#endif
