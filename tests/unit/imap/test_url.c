/* SPDX-License-Identifier: MIT */
/* test_url.c -- imap URLs: all examples of RFC 5092 that are absolute, those of the referral RFCs, and what is none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/imap/imap4.h"

static void add(struct buf *out, const char *name, const char *value)
{
	if (value != NULL)
		(void)buf_addf(out, " %s=%s", name, value);
}

static void add_number(struct buf *out, const char *name, uint64_t n)
{
	if (n != 0)
		(void)buf_addf(out, " %s=%llu", name, (unsigned long long)n);
}

static void describe(struct buf *out, const char *text, size_t n, int utf8)
{
	imap4_url *u;
	imap4_err r = imap4_url_parse((imap4_str){text, n}, utf8, &u);
	if (r != IMAP4_OK) {
		cr_assert_null(u);
		(void)buf_add_str(out, imap4_err_name(r));
		return;
	}
	(void)buf_addf(out, "%s:%u", u->host, (unsigned)u->port);
	add(out, "user", u->user);
	add(out, "auth", u->auth);
	add(out, "mailbox", u->mailbox.ptr);
	cr_assert_eq(u->mailbox.len, u->mailbox.ptr != NULL ? strlen(u->mailbox.ptr) : 0);
	add_number(out, "uidvalidity", u->uidvalidity);
	add_number(out, "uid", u->uid);
	add(out, "section", u->section);
	if (u->has_partial)
		(void)buf_addf(out, " partial=%llu.%llu", (unsigned long long)u->partial_first,
			(unsigned long long)u->partial_count);
	add(out, "search", u->search);
	add(out, "expire", u->expire);
	add(out, "urlauth", u->urlauth);
	imap4_url_free(u);
}

#define NONE "IMAP4_E_ARG"

static const struct {
	const char *url, *parts;
} rows[] = {
	/* RFC 5092 sections 2, 6.1, 9, B */
	{"imap://michael@example.org/INBOX", "example.org:143 user=michael mailbox=INBOX"},
	{"imap://bester@example.org/INBOX", "example.org:143 user=bester mailbox=INBOX"},
	{"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:"
	 "91354a473744909de610943775f92038",
		"example.com:143 user=joe mailbox=INBOX uid=20 section=1.2 "
		"urlauth=submit+fred:internal:91354a473744909de610943775f92038"},
	{"imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
		"minbari.example.org:143 mailbox=gray-council uidvalidity=385759045 uid=20 partial=0.1024"},
	{"imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97",
		"psicorp.example.org:143 mailbox=~peter/&ZeVnLIqe-/&U,BTFw-"},
	{"imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;uid=20/;section=1.2",
		"minbari.example.org:143 auth=GSSAPI mailbox=gray-council uid=20 section=1.2"},
	{"imap://;AUTH=*@minbari.example.org/gray%20council?SUBJECT%20shadows",
		"minbari.example.org:143 auth=* mailbox=gray council search=SUBJECT shadows"},
	{"imap://john;AUTH=*@minbari.example.org/babylon5/personel?charset%20UTF-8%20SUBJECT%20%7B14+%7D%0D%0A"
	 "%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2%D0%B0",
		"minbari.example.org:143 user=john auth=* mailbox=babylon5/personel search=charset UTF-8 SUBJECT "
		"{14+}\r\n\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xbe\xd0\xb2\xd0\xb0"},
	{"imap://imap.example.com", "imap.example.com:143"},
	{"imap://imap.example.com/", "imap.example.com:143"},
	/* RFC 2221, RFC 2193 */
	{"IMAP://MIKE@SERVER2/", "SERVER2:143 user=MIKE"},
	{"IMAP://user;AUTH=GSSAPI@SERVER2/", "SERVER2:143 user=user auth=GSSAPI"},
	{"IMAP://user;AUTH=*@SERVER2/SHARED/FOO",
		"SERVER2:143 user=user auth=* mailbox=SHARED/FOO"},
	/* servers and users */
	{"imap://h:1993/a", "h:1993 mailbox=a"},
	{"imap://h:65535", "h:65535"},
	{"imap://h:/a", "h:143 mailbox=a"},
	{"imap://[2001:db8::1]:144/a", "2001:db8::1:144 mailbox=a"},
	{"imap://m%C3%BCller%40x@h%C3%B6st.example/a",
		"h\xc3\xb6st.example:143 user=m\xc3\xbcller@x mailbox=a"},
	{"imap://a%3Bb;auth=PLAIN@h/", "h:143 user=a;b auth=PLAIN"},
	{"imap://", NONE},
	{"imap:///a", NONE},
	{"imap://@h/", NONE},
	{"imap://a@/", NONE},
	{"imap://a@b@h/", NONE},
	{"imap://good.example%40evil.example/", NONE},
	{"imap://good.example%2Fevil.example/", NONE},
	{"imap://a:b@h/", NONE},
	{"imap://a;AUTH=@h/", NONE},
	{"imap://a;b@h/", NONE},
	{"imap://a;AUTH=x;AUTH=y@h/", NONE},
	{"imap://h:0/", NONE},
	{"imap://h:65536/", NONE},
	{"imap://h:1x/", NONE},
	{"imap://h:1:2/", NONE},
	{"imap://[::1/", NONE},
	{"imap://[]/", NONE},
	{"imap://[g]/", NONE},
	{"imap://[::1]x/", NONE},
	{"imap://h\\evil/", NONE},
	{"imap://h%00/", NONE},
	{"imap://h%0D%0A/", NONE},
	{"imap://a%0Ab@h/", NONE},
	{"imaps://h/", NONE},
	{"http://h/", NONE},
	{"imap:/h/", NONE},
	{"", NONE},
	/* mailboxes and messages */
	{"imap://h/a/", "h:143 mailbox=a/"},
	{"imap://h/a&b", "h:143 mailbox=a&-b"},
	{"imap://h/a;UIDVALIDITY=1", "h:143 mailbox=a uidvalidity=1"},
	{"imap://h/a;UIDVALIDITY=1?ALL", "h:143 mailbox=a uidvalidity=1 search=ALL"},
	{"imap://h/a/;UID=4294967295/;SECTION=1.HEADER/;PARTIAL=5",
		"h:143 mailbox=a uid=4294967295 section=1.HEADER partial=5.0"},
	{"imap://h/a/;UID=1/;SECTION=HEADER.FIELDS%20(DATE)",
		"h:143 mailbox=a uid=1 section=HEADER.FIELDS (DATE)"},
	{"imap://h/a/;UID=1;EXPIRE=2002-10-02T10:00:00.05Z;URLAUTH=anonymous",
		"h:143 mailbox=a uid=1 expire=2002-10-02T10:00:00.05Z urlauth=anonymous"},
	{"imap://h/a?SUBJECT%20%FF", "h:143 mailbox=a search=SUBJECT \xff"},
	{"imap://h//a", "h:143 mailbox=/a"},
	{"imap://h?ALL", NONE},
	{"imap://h/?ALL", NONE},
	{"imap://h/a?", NONE},
	{"imap://h/a?a?b", NONE},
	{"imap://h/a?%00", NONE},
	{"imap://h/a;UIDVALIDITY=0", NONE},
	{"imap://h/a;UIDVALIDITY=4294967296", NONE},
	{"imap://h/a/;UIDVALIDITY=1", NONE},
	{"imap://h/a;UIDVALIDITY=1;UIDVALIDITY=2", NONE},
	{"imap://h/a;UID=1", NONE},
	{"imap://h/a/;UID=", NONE},
	{"imap://h/a/;UID=1/;UID=2", NONE},
	{"imap://h/a/;UID=1/", NONE},
	{"imap://h/a/;UID=1?ALL", NONE},
	{"imap://h/;UID=1", NONE},
	{"imap://h/;", NONE},
	{"imap://h/a;", NONE},
	{"imap://h/a;TYPE=LIST", NONE},
	{"imap://h/a/;SECTION=1", NONE},
	{"imap://h/a/;UID=1/;SECTION=", NONE},
	{"imap://h/a/;UID=1/;PARTIAL=1.0", NONE},
	{"imap://h/a/;UID=1/;PARTIAL=.1", NONE},
	{"imap://h/a/;UID=1/;PARTIAL=1./;SECTION=1", NONE},
	{"imap://h/a/;UID=1/;PARTIAL=9223372036854775808", NONE},
	{"imap://h/a/;UID=1;URLAUTH=", NONE},
	{"imap://h/a/;UID=1/;URLAUTH=anonymous", NONE},
	{"imap://h/a;URLAUTH=anonymous", NONE},
	{"imap://h/a%", NONE},
	{"imap://h/a%2", NONE},
	{"imap://h/a%2g", NONE},
	{"imap://h/a%FF", NONE},
	{"imap://h/a%0Db", NONE},
	{"imap://h/a b", NONE},
	{"imap://h/a\"b", NONE},
	{"imap://h/a#b", NONE},
	{"imap://h/\xc3\xa4", NONE},
};

Test(url, is_read_part_by_part)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf out = BUF_INIT(65536);
		describe(&out, rows[i].url, strlen(rows[i].url), 0);
		cr_expect_str_eq(buf_str(&out), rows[i].parts, "%s", rows[i].url);
		buf_release(&out);
	}
}

Test(url, gives_utf8_when_the_session_speaks_it)
{
	static const char url[] = "imap://h/~peter/%E6%97%A5&";
	struct buf out = BUF_INIT(65536);
	describe(&out, url, sizeof url - 1, 1);
	cr_assert_str_eq(buf_str(&out), "h:143 mailbox=~peter/\xe6\x97\xa5&");
	buf_release(&out);
}

Test(url, ends_where_it_is_said_to_end)
{
	/* Each beginning is in memory of its own, so that a sanitizer sees a step too far. */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t n = 0; n < strlen(rows[i].url); n++) {
			struct buf out = BUF_INIT(65536);
			char *copy = malloc(n > 0 ? n : 1);
			cr_assert_not_null(copy);
			memcpy(copy, rows[i].url, n);
			describe(&out, copy, n, 0);
			cr_assert(out.len > 0);
			free(copy);
			buf_release(&out);
		}
}

Test(url, has_a_longest)
{
	enum { LONGEST = 65536 };
	char *url = malloc(LONGEST + 1);
	cr_assert_not_null(url);
	memset(url, 'a', LONGEST + 1);
	memcpy(url, "imap://h/", 9);
	imap4_url *u;
	cr_assert_eq(imap4_url_parse((imap4_str){url, LONGEST + 1}, 0, &u), IMAP4_E_ARG);
	cr_assert_eq(imap4_url_parse((imap4_str){url, LONGEST}, 0, &u), IMAP4_OK);
	cr_assert_eq(u->mailbox.len, (size_t)LONGEST - 9);
	imap4_url_free(u);
	imap4_url_free(NULL);
	cr_assert_eq(imap4_url_parse((imap4_str){NULL, 0}, 0, &u), IMAP4_E_ARG);
	free(url);
}
