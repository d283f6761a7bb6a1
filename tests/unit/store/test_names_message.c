/* SPDX-License-Identifier: MIT */
/*
 * test_names_message.c -- message file names, keyword letters.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/names.h"

TestSuite(names_message);

#define GOOD "1500000000.V7U42H0123456789abcdef.imapsync,S=10,W=12"

Test(names_message, writes_the_documented_form)
{
	struct message_name n = {
		1500000000, 7, 42, {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}, 10, 12};
	char out[MESSAGE_NAME_MAX];
	cr_assert_eq(message_name_format(&n, out), strlen(GOOD));
	cr_assert_str_eq(out, GOOD);
}

Test(names_message, reads_back_what_it_writes_at_the_extremes)
{
	static const int64_t secs[] = {0, 1, -1, -86400, 1500000000, INT64_MAX, INT64_MIN};
	static const uint32_t uids[] = {1, 4294967295u};
	static const uint64_t sizes[] = {0, 1, UINT64_MAX};
	for (size_t i = 0; i < 7; i++)
		for (size_t j = 0; j < 2; j++)
			for (size_t k = 0; k < 3; k++) {
				struct message_name n = {secs[i], uids[j], uids[1 - j],
							    {0, 0xff, 1, 2, 3, 4, 5, 6}, sizes[k],
							    sizes[k]},
						    back;
				char out[MESSAGE_NAME_MAX];
				size_t len = message_name_format(&n, out);
				struct slice letters = slice_str("x");
				cr_assert(message_name_parse(slice_of(out, len), &back, &letters),
					"%s", out);
				cr_assert(back.secs == n.secs &&
						back.uidvalidity == n.uidvalidity &&
						back.uid == n.uid &&
						back.size_disk == n.size_disk &&
						back.size_wire == n.size_wire &&
						memcmp(back.hash, n.hash, 8) == 0,
					"%s", out);
				cr_assert_eq(letters.n, 0);
			}
}

Test(names_message, accepts_any_letters_and_nothing_else_behind_the_base)
{
	static const struct {
		const char *tail, *letters; /* NULL: refused */
	} rows[] = {
		{"", ""},
		{":2,", ""},
		{":2,S", "S"},
		{":2,FSab", "FSab"},
		{":2,FS,x=1", "FS,x=1"},
		{":", NULL},
		{":2", NULL},
		{":1,S", NULL},
		{",U=1:2,S", NULL},
		{"0", ""}, /* W=120: another size, not a tail */
		{" ", NULL},
		{".gz", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[MESSAGE_NAME_MAX];
		snprintf(name, sizeof name, GOOD "%s", rows[i].tail);
		struct message_name n;
		struct slice letters;
		bool good = message_name_parse(slice_str(name), &n, &letters);
		cr_assert_eq(good, rows[i].letters != NULL, "%s", name);
		if (good)
			cr_assert(slice_eq_str(letters, rows[i].letters), "%s", name);
	}
}

Test(names_message, refuses_every_other_spelling)
{
	static const char *const bad[] = {
		"",
		"1500000000.V7U42H0123456789ABCDEF.imapsync,S=10,W=12",
		"01500000000.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"-0.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"+1.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"--1.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"9223372036854775808.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"-9223372036854775809.V7U42H0123456789abcdef.imapsync,S=10,W=12",
		"1.V0U42H0123456789abcdef.imapsync,S=10,W=12",
		"1.V7U0H0123456789abcdef.imapsync,S=10,W=12",
		"1.V4294967296U1H0123456789abcdef.imapsync,S=10,W=12",
		"1.V7U4294967296H0123456789abcdef.imapsync,S=10,W=12",
		"1.V7U42H0123456789abcdeg.imapsync,S=10,W=12",
		"1.V7U42H0123456789abcde.imapsync,S=10,W=12",
		"1.V7U42H0123456789abcdef0.imapsync,S=10,W=12",
		"1.V7U42H0123456789abcdef.imapsync,S=13,W=12",
		"1.V7U42H0123456789abcdef.imapsync,S=,W=12",
		"1.V7U42H0123456789abcdef.imapsync,S=010,W=12",
		"1.V7U42H0123456789abcdef.imapsync,S=10",
		"1.V7U42H0123456789abcdef.imapsync,S=10,W=18446744073709551616",
		"1.V7U42H0123456789abcdef.imapsyncX,S=10,W=12",
		"1500000000.M1P2.host,S=10,W=12:2,S",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct message_name n;
		struct slice letters;
		cr_assert_not(message_name_parse(slice_str(bad[i]), &n, &letters), "%s", bad[i]);
	}
	/* Cut anywhere before the last number it is not a name. */
	for (size_t len = 0; len < strlen(GOOD) - 1; len++) {
		struct message_name n;
		struct slice letters;
		cr_assert_not(message_name_parse(slice_of(GOOD, len), &n, &letters), "%zu", len);
	}
}

/* ---- keywords --------------------------------------------------------------------------------- */

Test(names_message, reads_and_writes_dovecot_keywords)
{
	struct keyword_map k;
	struct err e = ERR_INIT;
	keyword_map_init(&k);
	cr_assert_eq(
		keyword_map_parse(&k,
			slice_str("0 $Junk\n25 last\n2 \xC3\xBC\n26 over\n-1 x\nx y\n3 a b\n4\n"
				  "5 \n0 second\n7 $JUNK\n\n8 no-end"),
			&e),
		0);
	cr_assert_not(k.changed);
	struct buf out = BUF_INIT(1000);
	cr_assert_eq(keyword_map_format(&k, &out, &e), 0);
	cr_assert_str_eq(buf_str(&out), "0 $Junk\n2 \xC3\xBC\n8 no-end\n25 last\n");
	buf_release(&out);
	keyword_map_release(&k);
}

Test(names_message, keeps_keywords_of_255_bytes_and_not_of_256)
{
	char text[300] = "0 ";
	for (size_t n = MAIL_KEYWORD_MAX; n <= MAIL_KEYWORD_MAX + 1; n++) {
		struct keyword_map k;
		struct err e = ERR_INIT;
		keyword_map_init(&k);
		memset(text + 2, 'k', n);
		cr_assert_eq(keyword_map_parse(&k, slice_of(text, n + 2), &e), 0);
		cr_assert_eq(k.name[0].len, n == MAIL_KEYWORD_MAX ? n : 0);
		keyword_map_release(&k);
	}
}

Test(names_message, gives_sorted_letters_and_the_flags_back)
{
	struct keyword_map k;
	struct err e = ERR_INIT;
	char out[FLAG_LETTERS_MAX];
	keyword_map_init(&k);
	static const struct {
		const char *flags, *letters;
		bool changed;
	} rows[] = {
		{"", "", false},
		{"\\Seen", "S", false},
		{"\\Answered \\Deleted \\Draft \\Flagged \\Seen $Forwarded", "DFPRST", false},
		{"\\Seen zeta", "Sa", true},
		{"alpha zeta", "ab", true},
		{"ZETA", "a", false},
		{"\\Strange", "c", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		k.changed = false;
		cr_assert_eq(flag_letters(slice_str(rows[i].flags), &k, out, &e), 0);
		cr_assert_str_eq(out, rows[i].letters, "%s: %s", rows[i].flags, out);
		cr_assert_eq(k.changed, rows[i].changed, "%s", rows[i].flags);
		struct mail_flags f;
		mail_flags_init(&f);
		cr_assert_eq(flags_from_letters(slice_str(out), &k, &f, &e), 0);
		cr_assert(slice_ieq_str(buf_slice(&f.text), rows[i].flags), "%s: %s", rows[i].flags,
			buf_str(&f.text));
		mail_flags_release(&f);
	}
	keyword_map_release(&k);
}

Test(names_message, has_letters_for_26_keywords_and_none_for_the_27th)
{
	struct keyword_map k;
	struct err e = ERR_INIT;
	keyword_map_init(&k);
	struct buf flags = BUF_INIT(1000);
	for (int i = 0; i < 26; i++)
		buf_addf(&flags, "%sk%02d", i > 0 ? " " : "", i);
	char out[FLAG_LETTERS_MAX];
	cr_assert_eq(flag_letters(buf_slice(&flags), &k, out, &e), 0);
	cr_assert_str_eq(out, "abcdefghijklmnopqrstuvwxyz");
	k.changed = false;
	cr_assert_eq(flag_letters(slice_str("\\Seen k25 k26"), &k, out, &e), 0);
	cr_assert_str_eq(out, "Sz");
	cr_assert_not(k.changed);
	/* All there are at once fit into the array. */
	buf_add_str(&flags, " \\Answered \\Deleted \\Draft \\Flagged \\Seen $Forwarded k26");
	cr_assert_eq(flag_letters(buf_slice(&flags), &k, out, &e), 0);
	cr_assert_eq(strlen(out), (size_t)FLAG_LETTERS_MAX - 1);
	buf_release(&flags);
	keyword_map_release(&k);
}

Test(names_message, ignores_letters_that_mean_nothing)
{
	struct keyword_map k;
	struct mail_flags f;
	struct err e = ERR_INIT;
	keyword_map_init(&k);
	mail_flags_init(&f);
	cr_assert_eq(flags_from_letters(slice_str("XSab,?S"), &k, &f, &e), 0);
	cr_assert_str_eq(buf_str(&f.text), "\\Seen");
	mail_flags_release(&f);
	keyword_map_release(&k);
}
