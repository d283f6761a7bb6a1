/* SPDX-License-Identifier: MIT */
/*
 * model_internal.h -- what the files of the model server share.
 *
 *   model_imap.c   the account and what tests do to it
 *   model_serve.c  connections, words of a command, login, mailbox commands
 *   model_fetch.c  FETCH and SEARCH
 */
#ifndef TESTS_SUPPORT_MODEL_INTERNAL_H
#define TESTS_SUPPORT_MODEL_INTERNAL_H

#include <pthread.h>

#include "tests/support/model_imap.h"

#define MODEL_VERBS 32
#define MODEL_NAME  256

struct model_message {
	uint32_t uid;
	uint64_t modseq, id;
	char *flags, *date;
	unsigned char *bytes;
	size_t n;
};

struct model_mailbox {
	struct model_mailbox *next; /* in the order of creation */
	char *name, *attributes;
	bool subscribed;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;
	struct model_message *msg; /* by UID */
	size_t n, cap;
};

struct model_imap {
	struct fake_imap *fake;
	pthread_mutex_t lock; /* of all below */
	struct model_mailbox *first;
	char *capabilities;
	struct model_faults faults;
	uint64_t next_id;
	struct {
		char verb[24];
		unsigned n;
	} count[MODEL_VERBS];
	unsigned commands, bodies, headers, connections, turns;
	bool touched;
};

/* One connection. Its view of the selected mailbox changes only when it may be told. */
struct model_conn {
	struct model_imap *m;
	bool logged_in;
	char selected[MODEL_NAME]; /* "" = none */
	uint32_t uidvalidity;
	uint32_t *view; /* UID by sequence number - 1 */
	size_t nview;
	char late[96];	/* a tagged line that is still owed */
	size_t late_at; /* and the listing from here on; 0: nothing */
};

/* Words of a command. */
struct model_words {
	const char *p, *end;
	char word[4096]; /* the last one, without quotes */
	size_t n;
};

bool model_has(const struct model_imap *m, const char *capability);
struct model_mailbox *model_find(const struct model_imap *m, const char *name);
size_t model_find_uid(const struct model_mailbox *b, uint32_t uid); /* index, or b->n */

/* Skip spaces and take an atom, quoted string or literal, or one of "(" ")"; false at the end. */
bool model_word(struct model_words *w);
bool model_is(const struct model_words *w, const char *word); /* the last word; case is ignored */
/* Put UID set or sequence set text to the test: is n in it? `last` is what '*' means. */
bool model_in_set(const char *set, uint32_t n, uint32_t last);
bool model_wild(const char *pattern, const char *name);

/* Tell what has changed since the client last heard; expunge: EXPUNGE may be said now. */
void model_sync(struct model_conn *mc, struct fake_conn *c, bool expunge);

/* model_fetch.c; false: hang up. The account is locked. */
bool model_fetch(struct model_conn *mc, struct fake_conn *c, const char *tag, bool by_uid,
	struct model_words *w);
/* What is still owed of an earlier FETCH. */
void model_send_late(struct model_conn *mc, struct fake_conn *c);
void model_search(struct model_conn *mc, struct fake_conn *c, const char *tag, bool by_uid,
	struct model_words *w);

/* model_serve.c */
extern const struct fake_handler model_handler;

#endif
