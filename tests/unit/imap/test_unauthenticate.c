/* SPDX-License-Identifier: MIT */
/*
 * test_unauthenticate.c -- UNAUTHENTICATE (RFC 8437): what is forgotten, and what must wait.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "tests/support/session_rig.h"

#define CAPS "IMAP4rev1 AUTH=PLAIN SASL-IR ENABLE UNAUTHENTICATE COMPRESS=DEFLATE"

static void open_selected(struct srig *r, imap4_policy policy)
{
	static const char *const condstore[] = {"CONDSTORE"};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.allow_cleartext = 1;
	o.policy = policy;
	cr_assert_eq(srig_open(r, &o), IMAP4_OK);
	srig_say(r, "* PREAUTH [CAPABILITY " CAPS "] hello");
	imap4_cmd *enable = imap4_enable_start(r->s, condstore, 1);
	(void)srig_pump(r);
	(void)srig_line(r);
	srig_say(r, "* ENABLED CONDSTORE");
	srig_say(r, "$ OK x");
	imap4_cmd *select = imap4_select_start(r->s, (imap4_str){"INBOX", 5}, NULL);
	(void)srig_pump(r);
	(void)srig_line(r);
	srig_say(r, "* 3 EXISTS");
	srig_say(r, "$ OK [READ-ONLY] x");
	(void)srig_pump(r);
	cr_assert_eq(imap4_session_state(r->s), IMAP4_SELECTED);
	cr_assert(imap4_enabled(r->s, "CONDSTORE"));
	imap4_cmd_free(enable);
	imap4_cmd_free(select);
}

static imap4_cmd *login(struct srig *r)
{
	const imap4_credentials me = {.struct_size = sizeof(me), .user = "u", .password = "pass"};
	return imap4_login_start(r->s, &me);
}

static void expect_outcome(imap4_cmd *c, imap4_err err, const char *part)
{
	cr_assert_not_null(c);
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->err, err, "%s: %s", imap4_err_name(res->err), res->message);
	cr_expect_not_null(strstr(res->message, part), "%s", res->message);
	imap4_cmd_free(c);
}

Test(unauthenticate, forgets_all_but_the_channel)
{
	for (int told = 0; told < 2; told++) {
		struct srig r = {0};
		open_selected(&r, IMAP4_POLICY_BACKUP);
		imap4_cmd *c = imap4_unauthenticate_start(r.s);
		imap4_cmd *again = login(&r);
		imap4_cmd *status = imap4_status_start(r.s, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), "UNAUTHENTICATE");
		cr_expect_str_eq(srig_line(&r), "", "the login waits for the answer");
		srig_say(&r, told ? "$ OK [CAPABILITY " CAPS "] bye" : "$ OK bye");
		(void)srig_pump(&r);
		expect_outcome(c, IMAP4_OK, "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_NOT_AUTHENTICATED);
		cr_expect_null(imap4_selected_mailbox(r.s));
		cr_expect_not(imap4_enabled(r.s, "CONDSTORE"));
		cr_expect_not(imap4_preauth(r.s));
		if (!told) {
			cr_expect_str_eq(srig_line(&r), "CAPABILITY");
			cr_expect_str_eq(srig_line(&r), "", "nothing leaves before they are known");
			srig_say(&r, "* CAPABILITY " CAPS);
			srig_say(&r, "$ OK x");
			(void)srig_pump(&r);
		}
		cr_expect_str_eq(srig_line(&r), "AUTHENTICATE PLAIN AHUAcGFzcw==");
		srig_say(&r, "$ OK [CAPABILITY " CAPS "] in");
		(void)srig_pump(&r);
		expect_outcome(again, IMAP4_OK, "");
		cr_expect_str_eq(srig_line(&r), "STATUS a (MESSAGES)");
		imap4_cmd_free(status);
		srig_close(&r);
	}
}

Test(unauthenticate, what_needs_a_login_is_refused_when_none_follows)
{
	struct srig r = {0};
	open_selected(&r, IMAP4_POLICY_ANY);
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	imap4_cmd *status = imap4_status_start(r.s, (imap4_str){"a", 1}, IMAP4_ST_MESSAGES);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	srig_say(&r, "$ OK [CAPABILITY " CAPS "] bye");
	(void)srig_pump(&r);
	expect_outcome(c, IMAP4_OK, "");
	expect_outcome(status, IMAP4_E_STATE, "not logged in");
	srig_close(&r);
}

/* A NO is not permitted (RFC 8437 section 3); whatever is said, but for OK, changes nothing. */
Test(unauthenticate, a_refusal_changes_nothing)
{
	static const char *const answer[] = {"$ BAD what?", "$ NO never"};
	static const imap4_err err[] = {IMAP4_E_BAD, IMAP4_E_NO};
	for (size_t i = 0; i < 2; i++) {
		struct srig r = {0};
		open_selected(&r, IMAP4_POLICY_ANY);
		imap4_cmd *c = imap4_unauthenticate_start(r.s);
		(void)srig_pump(&r);
		(void)srig_line(&r);
		srig_say(&r, answer[i]);
		(void)srig_pump(&r);
		expect_outcome(c, err[i], "");
		cr_expect_eq(imap4_session_state(r.s), IMAP4_SELECTED);
		cr_expect(imap4_enabled(r.s, "CONDSTORE"));
		srig_close(&r);
	}
}

Test(unauthenticate, is_not_sent_where_it_cannot_be)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_say(&r, "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello");
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "");
	expect_outcome(c, IMAP4_E_NOCAP, "UNAUTHENTICATE");
	srig_close(&r);
}

/* ---- on a compressed connection (section 4.1) ---------------------------------------------------------- */

static void compressed(struct srig *r, z_stream *z)
{
	memset(z, 0, sizeof(*z));
	imap4_cmd *c = imap4_compress_start(r->s);
	(void)srig_pump(r);
	cr_assert_str_eq(srig_line(r), "COMPRESS DEFLATE");
	srig_say(r, "$ OK go");
	(void)srig_pump(r);
	cr_assert(imap4_compressed(r->s));
	imap4_cmd_free(c);
	cr_assert_eq(deflateInit2(z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

/* The line that was sent compressed; all output before it was read. */
static void expect_packed(struct srig *r, struct slice out, size_t from, const char *line)
{
	unsigned char room[512];
	z_stream z = {.next_in = (Bytef *)(uintptr_t)(out.p + from),
		.avail_in = (uInt)(out.n - from),
		.next_out = room,
		.avail_out = sizeof(room) - 1};
	cr_assert_eq(inflateInit2(&z, -15), Z_OK);
	cr_assert_eq(inflate(&z, Z_SYNC_FLUSH), Z_OK);
	cr_assert_eq(z.avail_in, 0);
	room[sizeof(room) - 1 - z.avail_out] = '\0';
	(void)inflateEnd(&z);
	const char *space = strchr((char *)room, ' ');
	cr_assert_not_null(space, "%s", room);
	(void)snprintf(r->tag, sizeof(r->tag), "%.*s", (int)(space - (char *)room), room);
	cr_expect_str_eq(space + 1, line);
}

struct end {
	const char *name;
	int flush[2]; /* of zlib: behind the answer, and then; -1: nothing more */
};
static const struct end ends[] = {
	{"flushed", {Z_SYNC_FLUSH, -1}},
	{"flushed twice", {Z_SYNC_FLUSH, Z_FULL_FLUSH}},
	{"a final block", {Z_FINISH, -1}},
	{"flushed, and a final block", {Z_SYNC_FLUSH, Z_FINISH}},
};

static void pack(z_stream *z, struct buf *out, const char *text, int flush)
{
	unsigned char room[1024];
	z->next_in = (Bytef *)(uintptr_t)text;
	z->avail_in = (uInt)strlen(text);
	z->next_out = room;
	z->avail_out = sizeof(room);
	(void)deflate(z, flush);
	cr_assert_eq(buf_add(out, room, sizeof(room) - z->avail_out), 0);
}

/* All at once with a line in clear text behind it, or in pieces of `chunk`. */
static void another_login(const struct end *end, size_t chunk)
{
	struct srig r = {0};
	struct err e = ERR_INIT;
	open_selected(&r, IMAP4_POLICY_ANY);
	z_stream z;
	compressed(&r, &z);
	stream_memory_chunk(r.mem, chunk);
	size_t from = stream_memory_output(r.mem).n;
	imap4_cmd *c = imap4_unauthenticate_start(r.s), *again = login(&r);
	(void)srig_pump(&r);
	expect_packed(&r, stream_memory_output(r.mem), from, "UNAUTHENTICATE\r\n");
	stream_memory_drain(r.mem);
	r.read = 0;
	char text[256];
	(void)snprintf(
		text, sizeof(text), "* 4 EXISTS\r\n%s OK [CAPABILITY " CAPS "] bye\r\n", r.tag);
	struct buf b = BUF_INIT(4096);
	pack(&z, &b, text, end->flush[0]);
	if (end->flush[1] >= 0)
		pack(&z, &b, "", end->flush[1]);
	buf_add_str(&b, "* OK in clear text\r\n");
	unsigned before = r.data;
	cr_assert_eq(stream_memory_input(r.mem, b.data, b.len, &e), 0);
	/* A turn ends when so many pieces gave nothing. */
	for (size_t i = 0; i < b.len; i++)
		(void)srig_pump(&r);
	cr_expect_not(imap4_compressed(r.s), "%s %zu", end->name, chunk);
	expect_outcome(c, IMAP4_OK, "");
	cr_expect_eq(r.data, before + 2, "%s %zu: %s", end->name, chunk, imap4_last(r.s)->message);
	cr_expect_str_eq(srig_line(&r), "AUTHENTICATE PLAIN AHUAcGFzcw==");
	srig_say(&r, "$ OK [CAPABILITY " CAPS "] in");
	(void)srig_pump(&r);
	expect_outcome(again, IMAP4_OK, "");
	(void)deflateEnd(&z);
	/* And compressed once more, by a layer that does not stand on the old one. */
	compressed(&r, &z);
	cr_expect_eq(r.s->stream->below, r.mem);
	from = stream_memory_output(r.mem).n;
	imap4_cmd *noop = imap4_noop_start(r.s);
	(void)srig_pump(&r);
	expect_packed(&r, stream_memory_output(r.mem), from, "NOOP\r\n");
	imap4_cmd_free(noop);
	(void)deflateEnd(&z);
	buf_release(&b);
	srig_close(&r);
}

Test(unauthenticate, ends_compression, .timeout = 60)
{
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		for (size_t chunk = 0; chunk < 4; chunk++)
			another_login(&ends[i], chunk);
}

/* Compression goes on when the server says no. */
Test(unauthenticate, a_refusal_leaves_compression_on)
{
	struct srig r = {0};
	struct err e = ERR_INIT;
	open_selected(&r, IMAP4_POLICY_ANY);
	z_stream z;
	compressed(&r, &z);
	size_t from = stream_memory_output(r.mem).n;
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	(void)srig_pump(&r);
	expect_packed(&r, stream_memory_output(r.mem), from, "UNAUTHENTICATE\r\n");
	char text[128];
	(void)snprintf(text, sizeof(text), "%s BAD what?\r\n* 5 EXISTS\r\n", r.tag);
	struct buf b = BUF_INIT(4096);
	pack(&z, &b, text, Z_SYNC_FLUSH);
	cr_assert_eq(stream_memory_input(r.mem, b.data, b.len, &e), 0);
	(void)srig_pump(&r);
	expect_outcome(c, IMAP4_E_BAD, "");
	cr_expect(imap4_compressed(r.s));
	cr_assert_not_null(imap4_selected_mailbox(r.s));
	cr_expect_eq(imap4_selected_mailbox(r.s)->exists, 5);
	(void)deflateEnd(&z);
	buf_release(&b);
	srig_close(&r);
}

/* Text that is compressed behind the answer belongs to nobody. */
Test(unauthenticate, nothing_may_be_compressed_behind_the_answer)
{
	struct srig r = {0};
	struct err e = ERR_INIT;
	open_selected(&r, IMAP4_POLICY_ANY);
	z_stream z;
	compressed(&r, &z);
	size_t from = stream_memory_output(r.mem).n;
	imap4_cmd *c = imap4_unauthenticate_start(r.s);
	(void)srig_pump(&r);
	expect_packed(&r, stream_memory_output(r.mem), from, "UNAUTHENTICATE\r\n");
	char text[128];
	(void)snprintf(text, sizeof(text), "%s OK bye\r\n* 5 EXISTS\r\n", r.tag);
	struct buf b = BUF_INIT(4096);
	pack(&z, &b, text, Z_SYNC_FLUSH);
	cr_assert_eq(stream_memory_input(r.mem, b.data, b.len, &e), 0);
	(void)srig_pump(&r);
	expect_outcome(c, IMAP4_OK, "");
	cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD);
	cr_expect_eq(imap4_last(r.s)->err, IMAP4_E_PROTO);
	(void)deflateEnd(&z);
	buf_release(&b);
	srig_close(&r);
}
