/* SPDX-License-Identifier: MIT */
/*
 * test_names.c -- mailbox names to paths: nasty names, injectivity, the way back.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "store/names.h"

TestSuite(names);

static const char *layout_name(enum store_layout layout)
{
	return layout == STORE_NESTED ? "nested" : "maildir++";
}

static const struct {
	const char *wire;
	char delimiter;
	const char *nested, *maildirpp;
} rows[] = {
	{"INBOX", '/', "INBOX", ""},
	{"inbox", '/', "INBOX", ""},
	{"InBoX", '.', "INBOX", ""},
	{"INBOX", 'N', "INBOX", ""},
	{"INBOX/Sub", '/', "INBOX/Sub", ".INBOX.Sub"},
	{"inbox/Sub", '/', "inbox/Sub", ".inbox.Sub"},
	{"Example/2016", '/', "Example/2016", ".Example.2016"},
	{"Example.2016", '.', "Example/2016", ".Example.2016"},
	{"Example\\2016", '\\', "Example/2016", ".Example.2016"},
	{"Example.2016", '/', "Example.2016", ".Example%2E2016"},
	{"Example/2016", '.', "Example%2F2016", ".Example%2F2016"},
	{"Example/20.16", '\0', "Example%2F20.16", ".Example%2F20%2E16"},
	{".", '/', "%2E", ".%2E"},
	{"..", '/', "%2E.", ".%2E%2E"},
	{"..", '.', "%00/%00/%00", ".%00.%00.%00"},
	{"...", '/', "%2E..", ".%2E%2E%2E"},
	{"../../etc/passwd", '/', "%2E./%2E./etc/passwd", ".%2E%2E.%2E%2E.etc.passwd"},
	{"../x", '.', "%00/%00/%2Fx", ".%00.%00.%2Fx"},
	{".mailbox", '/', "%2Emailbox", ".%2Emailbox"},
	{"cur", '/', "%63ur", ".%63ur"},
	{"a/new", '/', "a/%6Eew", ".a.%6Eew"},
	{"tmp/a", '/', "%74mp/a", ".%74mp.a"},
	{"dovecot-keywords", '/', "%64ovecot-keywords", ".%64ovecot-keywords"},
	{"Cur", '/', "Cur", ".Cur"},
	{"curx", '/', "curx", ".curx"},
	{"%63ur", '/', "%2563ur", ".%2563ur"},
	{"100%", '/', "100%25", ".100%25"},
	{"%00", '/', "%2500", ".%2500"},
	{"//", '/', "%00/%00/%00", ".%00.%00.%00"},
	{"/a", '/', "%00/a", ".%00.a"},
	{"a/", '/', "a/%00", ".a.%00"},
	{"a//b", '/', "a/%00/b", ".a.%00.b"},
	{"/", '/', "%00/%00", ".%00.%00"},
	{" a  b ", '/', " a  b ", ". a  b "},
	{"Entw&APw-rfe", '/', "Entw\xC3\xBCrfe", ".Entw\xC3\xBCrfe"},
	{"&2D3eAA-", '/', "\xF0\x9F\x98\x80", ".\xF0\x9F\x98\x80"},
	{"a&-b", '/', "a&b", ".a&b"},
	{"a&b", '/', "a%26b", ".a%26b"},
	{"&", '/', "%26", ".%26"},
	{"&-", '/', "&", ".&"},
	{"&APw", '/', "%26APw", ".%26APw"},
	{"&2D0-", '/', "%262D0-", ".%262D0-"},
	{"\xC3\xBC", '/', "%C3%BC", ".%C3%BC"},
	{"\xFF/a", '/', "%FF/a", ".%FF.a"},
	{"a\x01", '/', "a%01", ".a%01"},
	{"\x7F", '/', "%7F", ".%7F"},
	{"a\r\nb", '/', "a%0D%0Ab", ".a%0D%0Ab"},
	{"a&AAE-", '/', "a%26AAE-", ".a%26AAE-"},
	{"&AH8-", '/', "%26AH8-", ".%26AH8-"},
	{"&AAA-", '/', "%26AAA-", ".%26AAA-"},
	{"a~b|c", '|', "a~b/c", ".a~b.c"},
	{"a%b", '%', "a/b", ".a.b"},
	{"a&b", '&', "a/b", ".a.b"},
	{"a\xFF"
	 "b",
		(char)0xFF, "a/b", ".a.b"},
};

Test(names, maps_each_name_to_its_path_and_back)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int l = 0; l < 2; l++) {
			enum store_layout layout = l == 0 ? STORE_NESTED : STORE_MAILDIRPP;
			const char *want = l == 0 ? rows[i].nested : rows[i].maildirpp;
			struct buf path = BUF_INIT(NAME_PATH_MAX), wire = BUF_INIT(STORE_NAME_MAX);
			struct err e = ERR_INIT;
			cr_assert_eq(name_to_path(slice_str(rows[i].wire), rows[i].delimiter,
					     layout, &path, &e),
				0, "%s: %s", rows[i].wire, e.text);
			cr_assert_str_eq(buf_str(&path), want, "%s, %s: %s", rows[i].wire,
				layout_name(layout), buf_str(&path));
			cr_assert(
				name_from_path(buf_slice(&path), rows[i].delimiter, layout, &wire),
				"%s, %s", rows[i].wire, layout_name(layout));
			bool inbox = mailbox_is_inbox(slice_str(rows[i].wire));
			cr_assert_str_eq(buf_str(&wire), inbox ? "INBOX" : rows[i].wire, "%s, %s",
				rows[i].wire, layout_name(layout));
			buf_release(&path);
			buf_release(&wire);
		}
	}
}

Test(names, refuses_paths_that_it_would_not_make)
{
	static const struct {
		const char *path;
		enum store_layout layout;
	} bad[] = {
		{"", STORE_NESTED},
		{"..", STORE_NESTED},
		{".", STORE_NESTED},
		{"../a", STORE_NESTED},
		{"/a", STORE_NESTED},
		{"a//b", STORE_NESTED},
		{"a/", STORE_NESTED},
		{"cur", STORE_NESTED},
		{"a/tmp", STORE_NESTED},
		{".a", STORE_NESTED},
		{"%41", STORE_NESTED},
		{"%2e", STORE_NESTED},
		{"%", STORE_NESTED},
		{"%2", STORE_NESTED},
		{"%zz", STORE_NESTED},
		{"%00a", STORE_NESTED},
		{"inbox", STORE_NESTED},
		{"a%26-", STORE_NESTED},
		{"\xFF", STORE_NESTED},
		{"aaa%~0123456789abcdef", STORE_NESTED},
		{"a", STORE_MAILDIRPP},
		{"..a", STORE_MAILDIRPP},
		{".", STORE_MAILDIRPP},
		{".a.", STORE_MAILDIRPP},
		{".a/b", STORE_MAILDIRPP},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf wire = BUF_INIT(STORE_NAME_MAX);
		cr_assert_not(name_from_path(slice_str(bad[i].path), '/', bad[i].layout, &wire),
			"%s gave %s", bad[i].path, buf_str(&wire));
		cr_assert_eq(wire.len, 0, "%s", bad[i].path);
		buf_release(&wire);
	}
}

static int path_of(const char *c, size_t n, enum store_layout layout, struct buf *path)
{
	struct err e = ERR_INIT;
	buf_clear(path);
	int result = name_to_path(slice_of(c, n), '/', layout, path, &e);
	return result == 0 ? 0 : (int)e.code;
}

Test(names, cuts_a_level_over_200_bytes_and_only_then)
{
	char name[STORE_NAME_MAX + 1];
	memset(name, 'a', sizeof name);
	struct buf path = BUF_INIT(NAME_PATH_MAX), other = BUF_INIT(NAME_PATH_MAX),
		   wire = BUF_INIT(STORE_NAME_MAX);
	cr_assert_eq(path_of(name, NAME_LEVEL_MAX, STORE_NESTED, &path), 0);
	cr_assert_eq(path.len, NAME_LEVEL_MAX);
	cr_assert_null(strstr(buf_str(&path), "%~"));
	cr_assert_eq(path_of(name, NAME_LEVEL_MAX + 1, STORE_NESTED, &path), 0);
	cr_assert_eq(path.len, NAME_LEVEL_MAX);
	cr_assert_eq(strspn(buf_str(&path), "a"), NAME_LEVEL_MAX - 18);
	cr_assert_eq(strncmp(buf_str(&path) + NAME_LEVEL_MAX - 18, "%~", 2), 0);
	cr_assert_not(name_from_path(buf_slice(&path), '/', STORE_NESTED, &wire));
	/* Another long name with the same beginning has another path. */
	cr_assert_eq(path_of(name, NAME_LEVEL_MAX + 2, STORE_NESTED, &other), 0);
	cr_assert_str_neq(buf_str(&path), buf_str(&other));
	buf_release(&path);
	buf_release(&other);
	buf_release(&wire);
}

Test(names, never_cuts_inside_a_character_or_an_escape)
{
	/* The units meet the cut at every phase. */
	static const char *const units[] = {"\x01", "%", "&2D3eAA-"};
	for (size_t u = 0; u < 3; u++) {
		for (size_t lead = 0; lead < 4; lead++) {
			struct buf name = BUF_INIT(STORE_NAME_MAX), path = BUF_INIT(NAME_PATH_MAX);
			buf_add(&name, "aaaa", lead);
			if (u < 2)
				for (int i = 0; i < 300; i++)
					buf_add_str(&name, units[u]);
			else /* one shift for all: two shifts in a row are not canonical */
				for (int i = 0; i < 100; i++)
					buf_add_str(&name, "&2D3eAA-x");
			cr_assert_eq(path_of(buf_str(&name), name.len, STORE_NESTED, &path), 0);
			cr_assert_leq(path.len, NAME_LEVEL_MAX);
			cr_assert_gt(path.len, NAME_LEVEL_MAX - 5, "%zu bytes", path.len);
			const char *s = buf_str(&path) + lead, *end = strstr(s, "%~");
			cr_assert_not_null(end);
			const char *unit[] = {"%01", "%25", "\xF0\x9F\x98\x80x"};
			size_t n = strlen(unit[u]);
			/* An emoji may be the last without its x: characters are whole all the same. */
			while ((size_t)(end - s) >= n && strncmp(s, unit[u], n) == 0)
				s += n;
			cr_assert(
				s == end || (u == 2 && end - s == 4 && memcmp(s, unit[2], 4) == 0),
				"unit %zu, lead %zu: %s", u, lead, buf_str(&path));
			buf_release(&name);
			buf_release(&path);
		}
	}
}

Test(names, keeps_the_limits_of_name_and_path)
{
	char name[STORE_NAME_MAX + 1];
	memset(name, 'a', sizeof name);
	struct buf path = BUF_INIT(NAME_PATH_MAX);
	for (int l = 0; l < 2; l++) {
		enum store_layout layout = l == 0 ? STORE_NESTED : STORE_MAILDIRPP;
		cr_assert_eq(path_of(name, STORE_NAME_MAX, layout, &path), 0);
		cr_assert_eq(path_of(name, STORE_NAME_MAX + 1, layout, &path), E_LIMIT);
		cr_assert_eq(path.len, 0);
		cr_assert_eq(path_of(name, 0, layout, &path), E_INVALID);
		cr_assert_eq(path_of("a\0b", 3, layout, &path), E_INVALID);
	}
	/* 749 empty levels take 2996 bytes. */
	memset(name, '/', 749);
	cr_assert_eq(path_of(name, 749 + 4, STORE_NESTED, &path), 0);
	cr_assert_eq(path.len, NAME_PATH_MAX);
	cr_assert_eq(path_of(name, 749 + 5, STORE_NESTED, &path), E_LIMIT);
	buf_release(&path);
}

Test(names, cuts_a_maildirpp_path_over_255_bytes_and_only_then)
{
	char name[300];
	memset(name, 'a', sizeof name);
	name[127] = '/';
	struct buf path = BUF_INIT(NAME_PATH_MAX), other = BUF_INIT(NAME_PATH_MAX);
	cr_assert_eq(path_of(name, 254, STORE_MAILDIRPP, &path), 0);
	cr_assert_eq(path.len, NAME_DIR_MAX);
	cr_assert_null(strstr(buf_str(&path), "%~"));
	cr_assert_eq(path_of(name, 255, STORE_MAILDIRPP, &path), 0);
	cr_assert_eq(path.len, NAME_DIR_MAX);
	cr_assert_not_null(strstr(buf_str(&path), "%~"));
	cr_assert_eq(path_of(name, 256, STORE_MAILDIRPP, &other), 0);
	cr_assert_str_neq(buf_str(&path), buf_str(&other));
	buf_release(&path);
	buf_release(&other);
}

Test(names, appends_to_the_path_and_respects_its_limit)
{
	struct buf path = BUF_INIT(7);
	struct err e = ERR_INIT;
	buf_add_str(&path, "mail/");
	cr_assert_eq(name_to_path(slice_str("ab"), '/', STORE_NESTED, &path, &e), 0);
	cr_assert_str_eq(buf_str(&path), "mail/ab");
	cr_assert_eq(name_to_path(slice_str("c"), '/', STORE_NESTED, &path, &e), -1);
	cr_assert_eq(e.code, E_LIMIT);
	cr_assert_eq(e.scope, ERR_MAILBOX);
	buf_release(&path);
}

/* ---- generated names -------------------------------------------------------------------------- */

struct pair {
	char wire[24], path[80];
};

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->path, ((const struct pair *)b)->path);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A name of the pieces that the map treats specially. */
static void random_name(uint32_t *state, char out[24])
{
	static const char *const piece[] = {"a", "b", ".", "/", "%", "&", "-", "A", "E", "c", "ur",
		"cur", "tmp", "\x01", "\xC3", "\xBC", "&APw-", "&AAE-", "&AAA-", "&-", "%26", "%00",
		"0", "~", "INBOX", "\x7F", "2F", "|"};
	size_t pieces = 1 + next_random(state) % 5, n = 0;
	for (size_t i = 0; i < pieces; i++) {
		const char *p = piece[next_random(state) % (sizeof piece / sizeof *piece)];
		size_t len = strlen(p);
		if (n + len > 23)
			break;
		memcpy(out + n, p, len);
		n += len;
	}
	out[n] = '\0';
}

static bool is_safe(const char *path, enum store_layout layout)
{
	if (layout == STORE_MAILDIRPP)
		return path[0] == '\0' ||
			(path[0] == '.' && path[1] != '\0' && path[1] != '.' &&
				strchr(path, '/') == NULL);
	for (const char *p = path;;) {
		size_t n = strcspn(p, "/");
		if (n == 0 || p[0] == '.' ||
			(n == 3 &&
				(memcmp(p, "cur", 3) == 0 || memcmp(p, "new", 3) == 0 ||
					memcmp(p, "tmp", 3) == 0)))
			return false;
		if (p[n] == '\0')
			return true;
		p += n + 1;
	}
}

static void check_generated(size_t count, char delimiter, enum store_layout layout)
{
	struct pair *all = calloc(count, sizeof *all);
	cr_assert_not_null(all);
	struct buf path = BUF_INIT(NAME_PATH_MAX), wire = BUF_INIT(STORE_NAME_MAX);
	struct err e = ERR_INIT;
	uint32_t state = 1;
	for (size_t i = 0; i < count; i++) {
		random_name(&state, all[i].wire);
		buf_clear(&path);
		buf_clear(&wire);
		cr_assert_eq(name_to_path(slice_str(all[i].wire), delimiter, layout, &path, &e), 0,
			"%s: %s", all[i].wire, e.text);
		cr_assert_lt(path.len, sizeof all[i].path);
		memcpy(all[i].path, buf_str(&path), path.len + 1);
		cr_assert(is_safe(all[i].path, layout), "%s", all[i].path);
		cr_assert(name_from_path(buf_slice(&path), delimiter, layout, &wire), "%s -> %s",
			all[i].wire, all[i].path);
		cr_assert_str_eq(buf_str(&wire), all[i].wire, "%s", all[i].path);
	}
	qsort(all, count, sizeof *all, by_path);
	for (size_t i = 1; i < count; i++)
		cr_assert(strcmp(all[i].path, all[i - 1].path) != 0 ||
				strcmp(all[i].wire, all[i - 1].wire) == 0,
			"%s and %s are both %s", all[i].wire, all[i - 1].wire, all[i].path);
	free(all);
	buf_release(&path);
	buf_release(&wire);
}

Test(names, is_injective_and_reversible_on_100000_generated_names)
{
	check_generated(100000, '/', STORE_NESTED);
	check_generated(100000, '/', STORE_MAILDIRPP);
}

Test(names, is_injective_and_reversible_with_every_delimiter)
{
	for (int c = 0; c < 256; c++) {
		check_generated(400, (char)c, STORE_NESTED);
		check_generated(400, (char)c, STORE_MAILDIRPP);
	}
}

Test(names, displays_utf8_and_keeps_what_it_cannot_decode)
{
	static const struct {
		const char *wire;
		char delimiter;
		const char *shown;
	} shown[] = {
		{"Entw&APw-rfe", '/', "Entw\xC3\xBCrfe"},
		{"a/b&-c", '/', "a/b&c"},
		{"a/&bad/&APw-", '/', "a/&bad/\xC3\xBC"},
		{"/a", '/', "/a"},
		{"a//", '/', "a//"},
		{"a/b", '\0', "a/b"},
		{"inbox", '/', "INBOX"},
		{"\xFF", '/', "\xFF"},
	};
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
		struct buf out = BUF_INIT(STORE_NAME_MAX);
		struct err e = ERR_INIT;
		cr_assert_eq(
			name_display(slice_str(shown[i].wire), shown[i].delimiter, &out, &e), 0);
		cr_assert_str_eq(buf_str(&out), shown[i].shown);
		buf_release(&out);
	}
}
