/* SPDX-License-Identifier: MIT */
/*
 * verify_round.c -- which part of the archive the next sample reads.
 *
 * A counter in a file of its own, because reading an archive must not change its index. Runs of a
 * backup would be no measure: twelve of them between two samples of a sixth would read the same
 * part for ever.
 */
#include "core/base/clock.h"
#include "store/store_internal.h"

#define ROUND_FILE "verify-state"
#define ROUND_TMP  "verify-state.imapsync-tmp"
#define ROUND_HEAD "imapsync-verify 1\nround "
#define DAY	   86400

uint64_t store_sample_round(struct store *s)
{
	struct buf text = BUF_INIT(128);
	uint64_t round = (uint64_t)clock_wall() / DAY;
	if (fsys_read_file(s->fs, s->root, ROUND_FILE, &text) > 0) {
		struct slice t = buf_slice(&text);
		size_t head = sizeof ROUND_HEAD - 1;
		if (t.n > head + 1 && t.p[t.n - 1] == '\n' &&
			slice_eq_str(slice_of(t.p, head), ROUND_HEAD))
			slice_u64(slice_of(t.p + head, t.n - head - 1), UINT32_MAX, &round);
	}
	buf_release(&text);
	return round;
}

void store_sample_done(struct store *s, uint64_t round)
{
	struct buf text = BUF_INIT(128);
	buf_add_str(&text, ROUND_HEAD);
	buf_add_u64(&text, (round + 1) & UINT32_MAX);
	buf_add_byte(&text, '\n');
	if (text.failed == E_NONE)
		(void)fsys_replace_file(
			s->fs, s->root, ROUND_FILE, s->root, ROUND_TMP, buf_slice(&text));
	buf_release(&text);
}
