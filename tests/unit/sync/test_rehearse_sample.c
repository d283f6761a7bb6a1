/* SPDX-License-Identifier: MIT */
/* test_rehearse_sample.c -- every folder is heard, every message has its chance, memory is bounded. */
#include <criterion/criterion.h>

#include "core/sync/rehearse_sample.h"

/* Folders with these numbers of messages: generation 1, 2 ..., UIDs from 1. */
static void choose(struct sample *s, size_t size, uint64_t seed, const unsigned *count, size_t n)
{
	struct err e = ERR_INIT;
	cr_assert_eq(sample_init(s, size, seed, &e), 0);
	for (size_t i = 0; i < n; i++) {
		sample_folder(s);
		for (uint32_t uid = 1; uid <= count[i]; uid++)
			sample_offer(s, (int64_t)i + 1, uid);
	}
	sample_choose(s);
}

static size_t chosen_of(const struct sample *s, int64_t generation)
{
	size_t n = 0;
	for (size_t i = 0; i < s->nchosen; i++)
		n += s->chosen[i].generation == generation;
	return n;
}

static void check_distinct(const struct sample *s)
{
	for (size_t i = 1; i < s->nchosen; i++) {
		const struct sample_pick *a = &s->chosen[i - 1], *b = &s->chosen[i];
		cr_assert(a->generation < b->generation ||
				(a->generation == b->generation && a->uid < b->uid),
			"chosen twice, or not sorted");
	}
	for (size_t i = 0; i < s->nchosen; i++)
		cr_assert(sample_has(s, s->chosen[i].generation, s->chosen[i].uid));
}

Test(rehearse_sample, few_messages_are_all_chosen)
{
	static const unsigned count[] = {3, 0, 1, 6};
	for (size_t size = 10; size <= 12; size++) {
		struct sample s;
		choose(&s, size, 1, count, 4);
		cr_expect_eq(s.nchosen, (size_t)10);
		cr_expect_eq(s.nfolders, (size_t)3, "an empty folder has none to give");
		check_distinct(&s);
		cr_expect_not(sample_has(&s, 2, 1));
		cr_expect_not(sample_has(&s, 4, 7));
		sample_release(&s);
	}
}

Test(rehearse_sample, nothing_gives_nothing)
{
	struct sample s;
	choose(&s, 5, 1, NULL, 0);
	cr_expect_eq(s.nchosen, (size_t)0);
	cr_expect_not(sample_has(&s, 0, 0));
	sample_release(&s);
}

Test(rehearse_sample, every_folder_gives_one_whatever_its_size)
{
	static const unsigned count[] = {5000, 1, 2, 300, 1};
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct sample s;
		choose(&s, 20, seed, count, 5);
		cr_assert_eq(s.nchosen, (size_t)20);
		for (int64_t g = 1; g <= 5; g++)
			cr_assert_geq(chosen_of(&s, g), (size_t)1, "folder %d, seed %d", (int)g,
				(int)seed);
		check_distinct(&s);
		sample_release(&s);
	}
}

Test(rehearse_sample, of_more_folders_than_messages_each_gives_one_at_most)
{
	unsigned count[40], seen[40] = {0};
	for (size_t i = 0; i < 40; i++)
		count[i] = 1 + (unsigned)i;
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct sample s;
		choose(&s, 10, seed, count, 40);
		cr_assert_eq(s.nchosen, (size_t)10);
		cr_assert_eq(s.nfolders, (size_t)10);
		for (size_t i = 0; i < 40; i++) {
			cr_assert_leq(chosen_of(&s, (int64_t)i + 1), (size_t)1);
			seen[i] += (unsigned)chosen_of(&s, (int64_t)i + 1);
		}
		sample_release(&s);
	}
	/* 100 are expected; the seeds are fixed, so this is no matter of luck. */
	for (size_t i = 0; i < 40; i++)
		cr_expect(seen[i] > 60 && seen[i] < 140, "folder %zu: %u times", i, seen[i]);
}

Test(rehearse_sample, every_message_is_as_likely_as_its_neighbour)
{
	/* Two small folders take two places; the other eight are for all. */
	static const unsigned count[] = {1, 40, 1};
	unsigned seen[41] = {0};
	for (uint64_t seed = 0; seed < 1000; seed++) {
		struct sample s;
		choose(&s, 10, seed, count, 3);
		cr_assert_eq(s.nchosen, (size_t)10);
		for (uint32_t uid = 1; uid <= 40; uid++)
			seen[uid] += sample_has(&s, 2, uid);
		sample_release(&s);
	}
	/* 200 are expected, with a deviation of 13. */
	for (uint32_t uid = 1; uid <= 40; uid++)
		cr_expect(seen[uid] > 145 && seen[uid] < 255, "UID %u: %u times", (unsigned)uid,
			seen[uid]);
}

Test(rehearse_sample, another_seed_is_another_sample)
{
	static const unsigned count[] = {1000};
	struct sample a, b, c;
	choose(&a, 10, 1, count, 1);
	choose(&b, 10, 2, count, 1);
	choose(&c, 10, 1, count, 1);
	size_t same = 0, equal = 0;
	for (size_t i = 0; i < 10; i++) {
		same += sample_has(&b, 1, a.chosen[i].uid);
		equal += sample_has(&c, 1, a.chosen[i].uid);
	}
	cr_expect_lt(same, (size_t)5);
	cr_expect_eq(equal, (size_t)10);
	sample_release(&a);
	sample_release(&b);
	sample_release(&c);
}
