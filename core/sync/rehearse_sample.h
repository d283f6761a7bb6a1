/* SPDX-License-Identifier: MIT */
/*
 * rehearse_sample.h -- messages chosen at random: one of as many folders as possible, then any.
 *
 * Reservoir sampling: messages are offered one by one, nobody needs to know how many will come, and memory depends on
 * the size of the sample alone. Two reservoirs are kept, one of messages and one of a message of each folder; within the
 * bounds of the size every folder that has messages gives one, and all other messages are equally likely.
 *
 * Life cycle: sample_init -> (sample_folder, sample_offer ...) ... -> sample_choose -> sample_has -> sample_release.
 */
#ifndef CORE_SYNC_REHEARSE_SAMPLE_H
#define CORE_SYNC_REHEARSE_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct sample_pick {
	int64_t generation;
	uint32_t uid;
};

struct sample_reservoir {
	struct sample_pick *at;
	size_t n;
	uint64_t offered;
};

struct sample {
	size_t size;
	uint64_t random; /* state of the generator */
	struct sample_reservoir messages, folders;
	struct sample_pick one; /* of the folder at hand */
	uint64_t in_folder;
	struct sample_pick *chosen; /* sorted */
	size_t nchosen, nfolders;   /* messages; folders that gave at least one by right */
};

/* Of at most `size` messages (1 or more). E_NOMEM. */
int sample_init(struct sample *s, size_t size, uint64_t seed, struct err *e) NODISCARD;
void sample_release(struct sample *s);
/* What is offered from here on is of another folder. */
void sample_folder(struct sample *s);
void sample_offer(struct sample *s, int64_t generation, uint32_t uid);
/* All were offered. */
void sample_choose(struct sample *s);
bool sample_has(const struct sample *s, int64_t generation, uint32_t uid);

#endif
