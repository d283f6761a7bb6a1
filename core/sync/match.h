/* SPDX-License-Identifier: MIT */
/*
 * match.h -- messages that the archive may have already, while that is found out. For task_match.c (after a change of
 * UIDVALIDITY) and task_known.c (by their object id).
 *
 * Candidates wait in `held`, apart from what is wanted; the first few of them are a sample, which is fetched all the same.
 * When the whole sample has come and is what was thought, the others are linked; whatever is not linked in the end is wanted
 * again.
 */
#ifndef CORE_SYNC_MATCH_H
#define CORE_SYNC_MATCH_H

#include "core/sync/task.h"

/* One message on one side. */
struct entry {
	uint64_t id; /* of its EMAILID; 0: none */
	uint64_t size;
	int64_t secs;
	uint32_t uid;
	bool dated, paired;
};

struct entries {
	struct entry *at;
	size_t n, cap;
};

/* A message of the mailbox, and the one in the archive that it should be. */
struct pair {
	uint32_t uid, old_uid;
	int64_t from; /* generation */
};

struct match {
	bool by_id; /* task_known.c: only the sample has pairs */
	struct entries now, old;
	struct pair *pair; /* by uid */
	size_t npairs;
	struct uidset held, sample, right;
	struct uidset asked; /* headers, or ids, in flight */
	struct task *task;
	imap4_sink sink;
	unsigned char digest[SHA256_LEN];
	bool body, whole, wrong;
};

/* A new one is the task's, in place of the one it had. */
int match_new(struct task *t, struct err *e) NODISCARD;
/* Matching is over: what waited is fetched like any other. As task_step_fn. */
int match_give_up(struct task *t, struct err *e) NODISCARD;
/* 1: linked; 0: the file cannot be used, and the message must be fetched; -1. */
int match_link(struct task *t, const imap4_message *msg, int64_t from, uint32_t from_uid,
	struct err *e) NODISCARD;
/* The sample was fetched (task_known.c). As task_step_fn. */
int known_settle(struct task *t, struct err *e) NODISCARD;

#endif
