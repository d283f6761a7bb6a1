/* SPDX-License-Identifier: MIT */
/*
 * model_imap.h -- an IMAP server in memory for tests: one account, truthful unless told to lie.
 *
 * Speaks: CAPABILITY, LOGIN, AUTHENTICATE PLAIN, ID, NAMESPACE, ENABLE, LIST (with RETURN and
 * STATUS), LSUB, STATUS, EXAMINE, SELECT, UID FETCH, FETCH, UID SEARCH (ALL, UID sets, sequence
 * sets; ESEARCH), NOOP, UNSELECT, CLOSE, LOGOUT. FETCH items: FLAGS UID INTERNALDATE RFC822.SIZE
 * MODSEQ EMAILID THREADID X-GM-MSGID X-GM-THRID BODY[] BODY[HEADER] BODY[TEXT] with or without PEEK; CHANGEDSINCE.
 * Everything else is answered BAD and counted as "BAD".
 *
 * The account may be changed while clients are connected: they hear of it as RFC 3501 wants
 * (EXISTS and EXPUNGE with the next command that allows it). All functions may be called from
 * any thread.
 *
 *     struct model_imap *m = model_new();
 *     model_mailbox(m, "INBOX", 1);
 *     model_add(m, "INBOX", "Subject: a\r\n\r\nb\r\n", 18, "\\Seen", " 1-Jan-2020 10:00:00 +0100");
 *     ... 127.0.0.1, model_port(m), user "me", password "secret" ...
 *     model_free(m);
 */
#ifndef TESTS_SUPPORT_MODEL_IMAP_H
#define TESTS_SUPPORT_MODEL_IMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/fake_imap.h"

#define MODEL_USER     "me"
#define MODEL_PASSWORD "secret"
/* What it offers unless told otherwise. */
#define MODEL_CAPABILITIES                                                                                       \
	"IMAP4rev1 SASL-IR AUTH=PLAIN ID NAMESPACE ENABLE LITERAL+ UNSELECT CHILDREN LIST-EXTENDED LIST-STATUS " \
	"SPECIAL-USE ESEARCH CONDSTORE OBJECTID"

struct model_imap;

struct model_imap *model_new(void); /* NULL: no socket */
void model_free(struct model_imap *m);
uint16_t model_port(const struct model_imap *m);

/* Must contain everything a client is to use: LIST RETURN, ESEARCH, MODSEQ and the like are
 * refused (BAD) without. */
void model_capabilities(struct model_imap *m, const char *capabilities);

/* ---- the account: wire names, '/' is the delimiter ---- */

void model_mailbox(struct model_imap *m, const char *name, uint32_t uidvalidity); /* create */
/* LIST attributes as sent, "\\Sent \\HasNoChildren"; with \Noselect it cannot be opened. */
void model_attributes(struct model_imap *m, const char *name, const char *attributes);
void model_subscribe(struct model_imap *m, const char *name, bool subscribed);
void model_drop_mailbox(struct model_imap *m, const char *name);
void model_rename(struct model_imap *m, const char *from, const char *to);
/* A new UIDVALIDITY; the messages get new UIDs from 1 when renumber is set. */
void model_new_uidvalidity(
	struct model_imap *m, const char *name, uint32_t uidvalidity, bool renumber);

/* Returns the UID. flags: "\\Seen $Forwarded", date: INTERNALDATE or NULL for a fixed one. */
uint32_t model_add(struct model_imap *m, const char *mailbox, const void *bytes, size_t n,
	const char *flags, const char *date);
/* n messages of about `size` octets each, all different and the same in each run; returns the
 * last UID. */
uint32_t model_add_many(struct model_imap *m, const char *mailbox, unsigned n, size_t size);
/* The same message in another mailbox, as COPY makes it: content, date, flags and id are the same. Returns the UID. */
uint32_t model_copy(struct model_imap *m, const char *from, uint32_t uid, const char *to);
/* Call it by the id of another message. */
void model_steal_id(struct model_imap *m, const char *mailbox, uint32_t uid, const char *from,
	uint32_t from_uid);
void model_expunge(struct model_imap *m, const char *mailbox, uint32_t uid);
void model_flags(struct model_imap *m, const char *mailbox, uint32_t uid, const char *flags);
void model_uidnext(struct model_imap *m, const char *mailbox,
	uint32_t uidnext); /* a gap before the next message */

/* ---- looking at it ---- */

size_t model_count_messages(struct model_imap *m, const char *mailbox);
/* The i-th message: a copy of its octets (free() it) with their number and UID; NULL when there
 * is none. */
unsigned char *model_message(
	struct model_imap *m, const char *mailbox, size_t i, size_t *n, uint32_t *uid);

/* ---- lies and faults: set them before they are to matter; all fields zero = an honest server
 * ---- */

enum model_poison {
	MODEL_NO = 1, /* a FETCH of its body ends with NO; messages before it are sent */
	MODEL_BAD,
	MODEL_HANG_UP,	  /* the connection ends in the middle of its body */
	MODEL_NO_BODY,	  /* no FETCH response for it, tagged OK */
	MODEL_EMPTY_BODY, /* {0} */
	MODEL_NIL_BODY,
	MODEL_WRONG_SIZE, /* RFC822.SIZE is one too large */
	MODEL_SIZE_ZERO,
	MODEL_TWICE,	  /* its response comes twice */
	MODEL_WRONG_UID,  /* its response names UID + 100000 */
	MODEL_LATE_UID,	  /* UID after the body */
	MODEL_SHORT_BODY, /* the first half of the octets, announced as such */
};

struct model_faults {
	struct {
		const char *mailbox; /* NULL: any */
		uint32_t uid;
		enum model_poison how;
		unsigned times; /* 0 = always; else counted down */
	} poison[8];
	const char *drop_status;   /* no STATUS line for this mailbox, tagged OK */
	const char *refuse_status; /* NO */
	const char *refuse_open;   /* EXAMINE and SELECT: NO */
	const char *hide_in_list;  /* LIST does not show it, all else works */
	bool refuse_list_return;   /* BAD to LIST with RETURN */
	uint32_t uidnext;	   /* told as UIDNEXT of every mailbox instead of the truth */
	bool no_uidnext;	   /* not told at all */
	bool no_uidvalidity;
	const char *permanent_flags; /* at SELECT; "": none are kept; NULL: not told */
	bool no_modseq;		     /* NOMODSEQ for each mailbox */
	int exists_off_by;	     /* added to EXISTS at EXAMINE and to MESSAGES */
	unsigned search_cap;	     /* SEARCH names only the first so many; 0 = all */
	uint32_t hide_uid; /* UID FETCH leaves it out (listing and bodies) but SEARCH has it */
	uint32_t hide_uid_always; /* SEARCH leaves it out too */
	unsigned fetch_cap;	  /* a UID FETCH answers only so many, tagged OK; 0 = all */
	/* The OK of a UID FETCH without bodies comes behind the data of the next command that has arrived, as Dovecot does;
	 * so does the second half of a listing of all flags. */
	bool late_ok, late_half;
	uint64_t cut_after; /* octets from the server on a connection, then it is cut; 0 = never */
	unsigned cut_connections; /* only the first so many; 0 = all */
	bool refuse_login;
	unsigned greeting_ms;	 /* a connection is greeted so much later */
	const char *bye_at;	 /* "* BYE" and an end at this verb ("UID FETCH") */
	const char *throttle_at; /* NO [THROTTLED] at this verb */
	unsigned throttle_times;
	/* Called before each command, with the account unlocked: 0 go on, 1 it was answered, -1
	 * hang up. */
	int (*hook)(void *ctx, struct fake_conn *c, const char *tag, const char *verb,
		const char *arguments);
	void *hook_ctx;
};

/* Replace them all; the strings must live as long. NULL: honest again. */
void model_faults(struct model_imap *m, const struct model_faults *f);

/* ---- what clients did ---- */

unsigned model_commands(
	struct model_imap *m, const char *verb); /* "UID FETCH", "LOGIN", "BAD"; NULL: all */
unsigned model_bodies(struct model_imap *m);	 /* BODY[] sent */
unsigned model_headers(struct model_imap *m);	 /* BODY[HEADER] sent */
/* Commands behind which nothing else had arrived: how often the client waited. */
unsigned model_turns(struct model_imap *m);
unsigned model_connections(struct model_imap *m);
void model_counts_reset(struct model_imap *m);
/* True when a command came that could change the account (SELECT, CLOSE, FETCH without PEEK,
 * STORE, ...). */
bool model_was_touched(struct model_imap *m);

#endif
