/* SPDX-License-Identifier: MIT */
/*
 * test_names_side.c -- the side file .mailbox.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "store/names.h"

TestSuite(names_side);

#define GOOD                                                                                       \
	"imapsync-mailbox 1\nname Entw&APw-rfe\ndelimiter /\nuidvalidity 1500000001\n"             \
	"attributes \\HasNoChildren \\Drafts\n"

Test(names_side, writes_the_documented_form)
{
	struct side_file f;
	struct err e = ERR_INIT;
	side_file_init(&f);
	buf_add_str(&f.wire, "Entw&APw-rfe");
	buf_add_str(&f.attributes, "\\HasNoChildren \\Drafts");
	f.delimiter = '/';
	f.uidvalidity = 1500000001;
	struct buf out = BUF_INIT(SIDE_FILE_MAX);
	cr_assert_eq(side_file_format(&f, &out, &e), 0);
	cr_assert_str_eq(buf_str(&out), GOOD);
	side_file_release(&f);
	buf_release(&out);
}

Test(names_side, gives_back_every_byte_of_name_attributes_and_delimiter)
{
	for (int c = 0; c < 256; c++) {
		struct side_file f, back;
		struct err e = ERR_INIT;
		side_file_init(&f);
		side_file_init(&back);
		for (int i = 0; i < 3; i++) {
			buf_add_byte(&f.wire, (unsigned char)c);
			buf_add_byte(&f.attributes, (unsigned char)c);
		}
		f.delimiter = (char)c;
		struct buf out = BUF_INIT(SIDE_FILE_MAX);
		cr_assert_eq(side_file_format(&f, &out, &e), 0);
		cr_assert_eq(side_file_parse(&back, buf_slice(&out), &e), 0, "%d: %s", c, e.text);
		cr_assert_eq(slice_cmp(buf_slice(&f.wire), buf_slice(&back.wire)), 0, "%d", c);
		cr_assert_eq(slice_cmp(buf_slice(&f.attributes), buf_slice(&back.attributes)), 0,
			"%d", c);
		cr_assert_eq(back.delimiter, (char)c);
		cr_assert_eq(back.uidvalidity, 0);
		side_file_release(&f);
		side_file_release(&back);
		buf_release(&out);
	}
}

Test(names_side, does_not_mind_order_and_unknown_keys)
{
	struct side_file f;
	struct err e = ERR_INIT;
	side_file_init(&f);
	cr_assert_eq(side_file_parse(&f,
			     slice_str("imapsync-mailbox 1\nuidvalidity 4294967295\nfuture a b\n\n"
				       "lonely\nname a%20b\n"),
			     &e),
		0, "%s", e.text);
	cr_assert_str_eq(buf_str(&f.wire), "a b");
	cr_assert_eq(f.uidvalidity, 4294967295u);
	cr_assert_eq(f.delimiter, '\0');
	side_file_release(&f);
}

Test(names_side, refuses_what_is_not_such_a_file)
{
	static const char *const bad[] = {
		"",
		"\n",
		"imapsync-mailbox 2\nname a\n",
		"imapsync-mailbox 1",
		"name a\nimapsync-mailbox 1\n",
		"imapsync-mailbox 1\n",
		"imapsync-mailbox 1\nname\n",
		"imapsync-mailbox 1\nname a",
		"imapsync-mailbox 1\nname %\n",
		"imapsync-mailbox 1\nname %4\n",
		"imapsync-mailbox 1\nname %4g\n",
		"imapsync-mailbox 1\nname a\ndelimiter ab\n",
		"imapsync-mailbox 1\nname a\ndelimiter \n",
		"imapsync-mailbox 1\nname a\nuidvalidity 4294967296\n",
		"imapsync-mailbox 1\nname a\nuidvalidity x\n",
		"imapsync-mailbox 1\nname a\nattributes %zz\n",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct side_file f;
		struct err e = ERR_INIT;
		side_file_init(&f);
		cr_assert_eq(side_file_parse(&f, slice_str(bad[i]), &e), -1, "%s", bad[i]);
		cr_assert_eq(e.code, E_CORRUPT, "%s", bad[i]);
		cr_assert_eq(e.scope, ERR_MAILBOX, "%s", bad[i]);
		side_file_release(&f);
	}
	/* A file that was cut anywhere inside a line. */
	for (size_t n = 0; n < strlen(GOOD); n++) {
		struct side_file f;
		struct err e = ERR_INIT;
		side_file_init(&f);
		bool whole_lines = n > 19 && GOOD[n - 1] == '\n';
		cr_assert_eq(
			side_file_parse(&f, slice_of(GOOD, n), &e) == 0, whole_lines, "%zu", n);
		side_file_release(&f);
	}
}

Test(names_side, takes_a_name_of_1000_bytes_and_not_of_1001)
{
	for (size_t n = STORE_NAME_MAX; n <= STORE_NAME_MAX + 1; n++) {
		struct side_file f;
		struct err e = ERR_INIT;
		struct buf text = BUF_INIT(SIDE_FILE_MAX);
		side_file_init(&f);
		buf_add_str(&text, "imapsync-mailbox 1\nname ");
		for (size_t i = 0; i < n; i++)
			buf_add_byte(&text, 'n');
		buf_add_byte(&text, '\n');
		cr_assert_eq(side_file_parse(&f, buf_slice(&text), &e) == 0, n == STORE_NAME_MAX);
		side_file_release(&f);
		buf_release(&text);
	}
}
