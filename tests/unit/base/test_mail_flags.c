/* SPDX-License-Identifier: MIT */
/* test_mail_flags.c -- one canonical text for each set of flags. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"

Test(mail_flags, every_spelling_of_a_set_gives_one_text)
{
	static const struct {
		const char *in, *out;
		uint32_t bits;
	} row[] = {
		{"", "", 0},
		{"   ", "", 0},
		{"\\Seen", "\\Seen", MAIL_SEEN},
		{"\\SEEN \\answered", "\\Answered \\Seen", MAIL_SEEN | MAIL_ANSWERED},
		{"\\Seen \\Flagged \\Draft \\Deleted \\Answered",
			"\\Answered \\Deleted \\Draft \\Flagged \\Seen",
			MAIL_ANSWERED | MAIL_DELETED | MAIL_DRAFT | MAIL_FLAGGED | MAIL_SEEN},
		{"work \\Seen $Forwarded", "\\Seen $Forwarded work", MAIL_SEEN | MAIL_FORWARDED},
		{"$forwarded", "$forwarded", MAIL_FORWARDED},
		{"\\Recent \\Seen", "\\Seen", MAIL_SEEN},
		{"\\RECENT", "", 0},
		{"b a c a", "a b c", 0},
		{"work Work WORK", "WORK", 0},
		{"WORK work", "WORK", 0},
		{"a B", "B a", 0},
		{"ab a abc", "a ab abc", 0},
		{"\\XYZ \\Seen", "\\Seen \\XYZ", MAIL_SEEN},
		{" \\Seen   x ", "\\Seen x", MAIL_SEEN},
		{"\\SeenX Seen", "Seen \\SeenX", 0},
		{"a_ aZ ab", "aZ a_ ab", 0},
		{"\xC3\xA9t\xC3\xA9 z", "z \xC3\xA9t\xC3\xA9", 0},
	};
	struct mail_flags f;
	mail_flags_init(&f);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		cr_assert_eq(mail_flags_parse(&f, slice_str(row[i].in), &e), 0, "%s", row[i].in);
		cr_assert_str_eq(buf_str(&f.text), row[i].out, "%s", row[i].in);
		cr_assert_eq(f.bits, row[i].bits, "%s", row[i].in);
		cr_assert_eq(f.dropped, 0, "%s", row[i].in);
	}
	mail_flags_release(&f);
}

Test(mail_flags, a_canonical_text_parses_to_itself_even_in_place)
{
	struct err e = ERR_INIT;
	struct mail_flags f;
	mail_flags_init(&f);
	cr_assert_eq(mail_flags_parse(&f, slice_str("z \\Seen b $Forwarded \\Draft A"), &e), 0);
	char was[100];
	snprintf(was, sizeof was, "%s", buf_str(&f.text));
	cr_assert_eq(mail_flags_parse(&f, buf_slice(&f.text), &e), 0);
	cr_assert_str_eq(buf_str(&f.text), was);
	mail_flags_release(&f);
}

Test(mail_flags, the_order_of_many_flags_does_not_matter)
{
	struct err e = ERR_INIT;
	struct mail_flags f, g;
	mail_flags_init(&f);
	mail_flags_init(&g);
	char name[100][8];
	struct slice flag[101];
	for (size_t i = 0; i < 100; i++) {
		snprintf(name[i], sizeof name[i], "%c%03zu", i % 3 ? 'k' : 'K', i / 2);
		flag[i] = slice_str(name[i]);
	}
	flag[100] = slice_str("\\Seen");
	cr_assert_eq(mail_flags_set(&f, flag, 101, &e), 0);
	srand(3);
	for (int round = 0; round < 50; round++) {
		for (size_t i = 100; i > 0; i--) {
			size_t j = (size_t)rand() % (i + 1);
			struct slice t = flag[i];
			flag[i] = flag[j];
			flag[j] = t;
		}
		cr_assert_eq(mail_flags_set(&g, flag, 101, &e), 0);
		cr_assert_str_eq(buf_str(&g.text), buf_str(&f.text), "round %d", round);
	}
	mail_flags_release(&f);
	mail_flags_release(&g);
}

Test(mail_flags, what_would_break_the_text_is_dropped_and_counted)
{
	struct err e = ERR_INIT;
	struct mail_flags f;
	mail_flags_init(&f);
	struct slice flag[] = {SLICE_NONE, slice_str("two words"), slice_str("a\tb"),
		slice_str("a\n"), slice_of("a\0b", 3), slice_str("a\x7F"), slice_str("good"),
		slice_str("\\Seen")};
	cr_assert_eq(mail_flags_set(&f, flag, sizeof flag / sizeof *flag, &e), 0);
	cr_assert_str_eq(buf_str(&f.text), "\\Seen good");
	cr_assert_eq(f.dropped, 6);
	cr_assert_eq(mail_flags_set(&f, NULL, 0, &e), 0);
	cr_assert_eq(f.dropped, 0, "counted anew");
	cr_assert_str_eq(buf_str(&f.text), "");
	mail_flags_release(&f);
}

Test(mail_flags, keywords_are_kept_up_to_their_longest_length)
{
	struct err e = ERR_INIT;
	struct mail_flags f;
	mail_flags_init(&f);
	char word[MAIL_KEYWORD_MAX + 1];
	memset(word, 'k', sizeof word);
	for (size_t n = MAIL_KEYWORD_MAX; n <= sizeof word; n++) {
		cr_assert_eq(mail_flags_parse(&f, slice_of(word, n), &e), 0);
		cr_assert_eq(f.text.len, n == MAIL_KEYWORD_MAX ? n : 0);
		cr_assert_eq(f.dropped, n - MAIL_KEYWORD_MAX);
	}
	mail_flags_release(&f);
}

static size_t count_words(struct slice text)
{
	size_t n = 0, at = 0;
	struct slice flag;
	while (mail_flags_next(text, &at, &flag))
		n++;
	return n;
}

Test(mail_flags, keywords_are_kept_up_to_their_largest_number)
{
	for (size_t n = MAIL_KEYWORDS_MAX - 1; n <= MAIL_KEYWORDS_MAX + 2; n++) {
		struct err e = ERR_INIT;
		struct mail_flags f;
		struct buf in = BUF_INIT(10000);
		mail_flags_init(&f);
		for (size_t i = 0; i < n; i++)
			buf_addf(&in, "k%04zu ", n - i);
		buf_add_str(&in, "\\Seen");
		cr_assert_eq(mail_flags_parse(&f, buf_slice(&in), &e), 0);
		size_t over = n > MAIL_KEYWORDS_MAX ? n - MAIL_KEYWORDS_MAX : 0;
		cr_assert_eq(f.dropped, over, "%zu keywords", n);
		cr_assert_eq(count_words(buf_slice(&f.text)), n - over + 1, "%zu keywords", n);
		cr_assert_eq(strncmp(buf_str(&f.text), "\\Seen k0001 k0002", 17), 0);
		buf_release(&in);
		mail_flags_release(&f);
	}
}

Test(mail_flags, the_text_never_exceeds_its_limit)
{
	/* 256 keywords of 255 bytes and their spaces leave no room for system flags. */
	struct err e = ERR_INIT;
	struct mail_flags f;
	struct buf in = BUF_INIT(100000);
	mail_flags_init(&f);
	for (int i = 0; i < MAIL_KEYWORDS_MAX; i++)
		buf_addf(&in, "%0255d ", i);
	cr_assert_eq(mail_flags_parse(&f, buf_slice(&in), &e), 0);
	cr_assert_eq(f.text.len, MAIL_FLAGS_TEXT_MAX - 1);
	cr_assert_eq(f.dropped, 0);
	buf_add_str(&in, "\\Seen");
	cr_assert_eq(mail_flags_parse(&f, buf_slice(&in), &e), 0);
	cr_assert_eq(f.dropped, 1);
	cr_assert_leq(f.text.len, MAIL_FLAGS_TEXT_MAX);
	cr_assert_eq(f.bits, MAIL_SEEN);
	buf_release(&in);
	mail_flags_release(&f);
}

Test(mail_flags, a_keyword_that_is_dropped_sets_no_bit)
{
	struct err e = ERR_INIT;
	struct mail_flags f;
	struct buf in = BUF_INIT(10000);
	mail_flags_init(&f);
	buf_add_str(&in, "$Forwarded");
	for (int i = 0; i < MAIL_KEYWORDS_MAX; i++)
		buf_addf(&in, " !%d", i);
	cr_assert_eq(mail_flags_parse(&f, buf_slice(&in), &e), 0);
	cr_assert_eq(f.dropped, 1);
	cr_assert_eq(f.bits, 0);
	buf_release(&in);
	mail_flags_release(&f);
}

Test(mail_flags, a_walk_gives_each_flag_once)
{
	static const char *const want[] = {"\\Seen", "$Forwarded", "x"};
	struct slice text = slice_str("\\Seen $Forwarded x"), flag;
	size_t at = 0;
	for (size_t i = 0; i < 3; i++) {
		cr_assert(mail_flags_next(text, &at, &flag));
		cr_assert(slice_eq_str(flag, want[i]), "flag %zu", i);
	}
	cr_assert(!mail_flags_next(text, &at, &flag));
	cr_assert(!mail_flags_next(text, &at, &flag));
	at = 0;
	cr_assert(!mail_flags_next(SLICE_NONE, &at, &flag));
}
