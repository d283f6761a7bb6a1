/* SPDX-License-Identifier: MIT */
/* Patterns of folders and exclude against names and attributes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/sync.h"

struct row {
	const char *pattern, *name;
	char delimiter;
	bool taken;
};

static bool selects(const char *folder, const char *exclude, const char *name, char delimiter,
	const char *attributes)
{
	char *f[] = {(char *)(uintptr_t)folder}, *x[] = {(char *)(uintptr_t)exclude};
	struct sync_account a;
	memset(&a, 0, sizeof a);
	a.folders = (struct sync_patterns){f, folder != NULL};
	a.exclude = (struct sync_patterns){x, exclude != NULL};
	return sync_selects(&a, slice_str(name), delimiter, slice_str(attributes));
}

static const struct row rows[] = {
	{"Foo", "Foo", '/', true},
	{"Foo", "Foo/Bar", '/', false},
	{"Foo", "Fo", '/', false},
	{"Foo", "foo", '/', false},
	{"Foo/%", "Foo/Bar", '/', true},
	{"Foo/%", "Foo/Bar/Baz", '/', false},
	{"Foo/%", "Foo", '/', false},
	{"Foo/*", "Foo/Bar/Baz", '/', true},
	{"Foo*", "Foo", '/', true},
	{"Foo*", "Foobar/x", '/', true},
	{"*", "anything/at all", '/', true},
	{"*", "", '/', true},
	{"%", "top", '/', true},
	{"%", "top/sub", '/', false},
	{"%/%", "top/sub", '/', true},
	{"%/%", "top/sub/subsub", '/', false},
	{"*/Trash", "a/b/Trash", '/', true},
	{"*/Trash", "Trash", '/', false},
	{"*a%b*c", "xxa-b-yyc", '/', true},
	{"*a%b*c", "xxa/b-yyc", '/', false},
	{"*a%b", "a/ab", '/', true},
	{"%a%a%a%b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", '/', false},
	/* the slash stands for the server's delimiter, and the server's own works as well */
	{"Foo/%", "Foo.Bar", '.', true},
	{"Foo.%", "Foo.Bar", '.', true},
	{"Foo/%", "Foo.Bar.Baz", '.', false},
	{"%", "a/b", '.', true},
	{"a/b", "a/b", '.', true},
	{"Foo.Bar", "Foo/Bar", '/', false},
	{"Foo\\Bar", "Foo\\Bar", '\\', true},
	{"Foo/Bar", "Foo\\Bar", '\\', true},
	/* no hierarchy */
	{"%", "a/b.c", '\0', true},
	{"a/b", "a/b", '\0', true},
	/* INBOX in any case, also as the first level, but nowhere else */
	{"inbox", "INBOX", '/', true},
	{"InBox", "INBOX", '.', true},
	{"inbox/Sent", "INBOX.Sent", '.', true},
	{"inbox/sent", "INBOX.Sent", '.', false},
	{"INBOX", "INBOXES", '/', false},
	{"inboxes", "INBOXES", '/', false},
	{"x/inbox", "x/INBOX", '/', false},
	/* UTF-8 is compared as bytes */
	{"Entw\xc3\xbcrfe", "Entw\xc3\xbcrfe", '/', true},
	{"Entw*rfe", "Entw\xc3\xbcrfe", '/', true},
	{"", "x", '/', false},
	{"", "", '/', true},
};

Test(select, patterns_match_as_documented)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *r = &rows[i];
		cr_expect_eq(selects(r->pattern, NULL, r->name, r->delimiter, ""), r->taken,
			"pattern %s, name %s, delimiter %c", r->pattern, r->name, r->delimiter);
	}
}

Test(select, an_empty_list_takes_all_and_exclude_wins)
{
	cr_expect(selects(NULL, NULL, "Any", '/', ""));
	cr_expect_not(selects(NULL, "Any", "Any", '/', ""));
	cr_expect_not(selects("A*", "*ny", "Any", '/', ""));
	cr_expect(selects("A*", "B*", "Any", '/', ""));
	cr_expect_not(selects("B*", NULL, "Any", '/', ""));
}

Test(select, a_backslash_begins_an_attribute)
{
	cr_expect_not(selects(NULL, "\\Junk", "Spam", '/', "\\HasNoChildren \\Junk"));
	cr_expect_not(selects(NULL, "\\junk", "Spam", '/', "\\Junk"));
	cr_expect(selects(NULL, "\\Junk", "Spam", '/', "\\JunkMail"));
	cr_expect(selects(NULL, "\\Junk", "\\Junk", '/', ""));
	cr_expect(selects("\\Sent", NULL, "Gesendet", '/', "\\Sent"));
	cr_expect_not(selects("\\Sent", NULL, "Sent", '/', ""));
}

Test(select, a_name_at_the_limit_matches_and_one_beyond_does_not)
{
	char *name = malloc(4098);
	cr_assert_not_null(name);
	memset(name, 'a', 4097);
	name[4096] = '\0';
	cr_expect(selects("a*", NULL, name, '/', ""));
	name[4096] = 'a';
	name[4097] = '\0';
	cr_expect_not(selects("a*", NULL, name, '/', ""));
	free(name);
}
