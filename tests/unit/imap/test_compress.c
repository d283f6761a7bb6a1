/* SPDX-License-Identifier: MIT */
/*
 * test_compress.c -- COMPRESS (RFC 4978) against zlib itself as the server.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "core/imap/imap4_call.h"
#include "tests/support/session_rig.h"

#define CAPS "IMAP4rev1 COMPRESS=DEFLATE"

/* ---- the server's half ------------------------------------------------------------------------------------ */

struct zserver {
	struct srig *r;
	z_stream out, in;
	struct buf plain; /* what the client said since the switch */
	size_t from;	  /* of the output: where its compressed part begins */
	char line[256];
	size_t read;
};

static void serve_begin(struct zserver *z, struct srig *r)
{
	*z = (struct zserver){.r = r, .plain = BUF_INIT(1 << 20)};
	cr_assert_eq(deflateInit2(&z->out, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	cr_assert_eq(inflateInit2(&z->in, -15), Z_OK);
	z->from = stream_memory_output(r->mem).n;
}

static void serve_end(struct zserver *z)
{
	(void)deflateEnd(&z->out);
	(void)inflateEnd(&z->in);
	buf_release(&z->plain);
}

/* The octets of text as the server sends them, behind what `out` has. */
static void zpack(struct zserver *z, struct buf *out, const char *text)
{
	unsigned char room[4096];
	z->out.next_in = (Bytef *)(uintptr_t)text;
	z->out.avail_in = (uInt)strlen(text);
	do {
		z->out.next_out = room;
		z->out.avail_out = sizeof(room);
		(void)deflate(&z->out, Z_SYNC_FLUSH);
		cr_assert_eq(buf_add(out, room, sizeof(room) - z->out.avail_out), 0);
	} while (z->out.avail_out == 0);
}

static void feed(struct srig *r, const void *p, size_t n)
{
	struct err e = ERR_INIT;
	cr_assert_eq(stream_memory_input(r->mem, p, n, &e), 0);
}

static void zsay(struct zserver *z, const char *text)
{
	struct buf b = BUF_INIT(1 << 20);
	zpack(z, &b, text);
	feed(z->r, b.data, b.len);
	buf_release(&b);
}

/* "<tag of the last command> text" */
static void zanswer(struct zserver *z, const char *text)
{
	struct buf b = BUF_INIT(4096);
	buf_addf(&b, "%s %s\r\n", z->r->tag, text);
	zsay(z, buf_str(&b));
	buf_release(&b);
}

/* The next command that came compressed, without its tag, or "". */
static const char *zline(struct zserver *z)
{
	struct slice out = stream_memory_output(z->r->mem);
	unsigned char room[4096];
	z->in.next_in = (Bytef *)(uintptr_t)(out.p + z->from);
	z->in.avail_in = (uInt)(out.n - z->from);
	z->from = out.n;
	while (z->in.avail_in > 0) {
		z->in.next_out = room;
		z->in.avail_out = sizeof(room);
		int rc = inflate(&z->in, Z_SYNC_FLUSH);
		cr_assert(rc == Z_OK || rc == Z_BUF_ERROR, "what came is not compressed: %d", rc);
		cr_assert_eq(buf_add(&z->plain, room, sizeof(room) - z->in.avail_out), 0);
	}
	const char *p = buf_str(&z->plain) + z->read, *end = strstr(p, "\r\n");
	if (!end)
		return "";
	z->read += (size_t)(end - p) + 2;
	int tag = (int)strcspn(p, " ");
	(void)snprintf(z->r->tag, sizeof(z->r->tag), "%.*s", tag, p);
	(void)snprintf(z->line, sizeof(z->line), "%.*s", (int)(end - p) - tag - 1, p + tag + 1);
	return z->line;
}

/* ---- beginnings ------------------------------------------------------------------------------------------- */

static void open_logged_in(struct srig *r, const char *capabilities)
{
	char hello[256];
	cr_assert_eq(srig_open_clear(r), IMAP4_OK);
	(void)snprintf(hello, sizeof(hello), "* PREAUTH [CAPABILITY %s] hello", capabilities);
	srig_say(r, hello);
	(void)srig_pump(r);
	cr_assert_eq(imap4_session_state(r->s), IMAP4_AUTHENTICATED);
}

static void expect_outcome(imap4_cmd *c, imap4_err err, const char *part)
{
	cr_assert_not_null(c);
	const imap4_result *res = imap4_cmd_result(c);
	cr_expect_eq(res->err, err, "%s: %s", imap4_err_name(res->err), res->message);
	cr_expect_not_null(strstr(res->message, part), "%s", res->message);
	imap4_cmd_free(c);
}

/* ---- tests ------------------------------------------------------------------------------------------------ */

/* RFC 4978 section 3, the first example: "C: c compress deflate", "S: d OK DEFLATE active" (the "d" is a slip of the text: an
 * answer bears the tag of its command). Ours differs in its tag and in capitals. */
Test(compress, begins_after_the_ok_in_both_directions)
{
	for (size_t chunk = 0; chunk < 2; chunk++) {
		struct srig r = {0};
		struct zserver z;
		open_logged_in(&r, CAPS);
		stream_memory_chunk(r.mem, chunk);
		imap4_cmd *c = imap4_compress_start(r.s);
		imap4_cmd *noop = imap4_noop_start(r.s);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), "COMPRESS DEFLATE");
		cr_expect_str_eq(srig_line(&r), "", "nothing leaves before the answer");
		cr_expect_not(imap4_compressed(r.s));
		serve_begin(&z, &r);
		/* The octets behind the CRLF of the OK are compressed, and often come with it. */
		struct buf both = BUF_INIT(4096);
		buf_addf(&both, "%s OK DEFLATE active\r\n", r.tag);
		zpack(&z, &both, "* 3 EXISTS\r\n");
		feed(&r, both.data, both.len);
		buf_release(&both);
		(void)srig_pump(&r);
		expect_outcome(c, IMAP4_OK, "COMPRESS succeeded");
		cr_expect(imap4_compressed(r.s));
		cr_expect_eq(r.data, 1, "what came behind the OK is not lost");
		cr_expect_str_eq(zline(&z), "NOOP");
		zanswer(&z, "OK done");
		(void)srig_pump(&r);
		expect_outcome(noop, IMAP4_OK, "NOOP succeeded");
		serve_end(&z);
		srig_close(&r);
	}
}

Test(compress, is_a_barrier)
{
	struct srig r = {0};
	open_logged_in(&r, CAPS);
	imap4_cmd *first = imap4_noop_start(r.s);
	imap4_cmd *c = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "NOOP");
	cr_expect_str_eq(srig_line(&r), "", "it waits until nothing is in flight");
	srig_say(&r, "$ OK done");
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "COMPRESS DEFLATE");
	imap4_cmd_free(first);
	imap4_cmd_free(c);
	srig_close(&r);
}

Test(compress, counts_octets_as_they_are_and_as_they_were_sent)
{
	struct srig r = {0};
	struct zserver z;
	open_logged_in(&r, CAPS);
	cr_expect_eq(imap4_wire_bytes_in(r.s), imap4_bytes_in(r.s));
	imap4_cmd *c = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	cr_expect_eq(imap4_wire_bytes_out(r.s), imap4_bytes_out(r.s));
	serve_begin(&z, &r);
	srig_say(&r, "$ OK go");
	(void)srig_pump(&r);
	imap4_cmd_free(c);
	uint64_t in = imap4_bytes_in(r.s), wire = imap4_wire_bytes_in(r.s);
	struct buf many = BUF_INIT(1 << 20);
	for (size_t i = 0; i < 1000; i++)
		buf_add_str(&many, "* LIST () \"/\" \"a folder\"\r\n");
	zsay(&z, buf_str(&many));
	(void)srig_pump(&r);
	cr_expect_eq(imap4_bytes_in(r.s) - in, many.len);
	cr_expect_lt(imap4_wire_bytes_in(r.s) - wire, many.len / 20);
	cr_expect_gt(imap4_wire_bytes_in(r.s), wire);
	wire = imap4_wire_bytes_in(r.s);
	stream_memory_end(r.mem);
	(void)srig_pump(&r);
	cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD);
	cr_expect_eq(imap4_wire_bytes_in(r.s), wire, "the counts outlive the connection");
	buf_release(&many);
	serve_end(&z);
	srig_close(&r);
}

struct refusal {
	const char *name, *capabilities, *answer;
	imap4_err err;
	imap4_code code;
	const char *message;
};

/* The NO is RFC 4978 section 3, the second example. */
static const struct refusal refusals[] = {
	{"active below", CAPS, "$ NO [COMPRESSIONACTIVE] DEFLATE active via TLS", IMAP4_E_NO,
		IMAP4_CODE_COMPRESSIONACTIVE, "DEFLATE active via TLS"},
	{"BAD", CAPS, "$ BAD what?", IMAP4_E_BAD, IMAP4_CODE_NONE, "not understood"},
	{"not offered", "IMAP4rev1", NULL, IMAP4_E_NOCAP, IMAP4_CODE_NONE, "COMPRESS=DEFLATE"},
	{"another algorithm", "IMAP4rev1 COMPRESS=DEFLATE64", NULL, IMAP4_E_NOCAP, IMAP4_CODE_NONE,
		"COMPRESS=DEFLATE"},
};

Test(compress, goes_on_in_plain_text_when_refused)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct srig r = {0};
		open_logged_in(&r, refusals[i].capabilities);
		imap4_cmd *c = imap4_compress_start(r.s);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), refusals[i].answer ? "COMPRESS DEFLATE" : "", "%s",
			refusals[i].name);
		if (refusals[i].answer)
			srig_say(&r, refusals[i].answer);
		(void)srig_pump(&r);
		cr_expect_eq(imap4_cmd_result(c)->code, refusals[i].code, "%s", refusals[i].name);
		expect_outcome(c, refusals[i].err, refusals[i].message);
		cr_expect_not(imap4_compressed(r.s));
		imap4_cmd *noop = imap4_noop_start(r.s);
		(void)srig_pump(&r);
		cr_expect_str_eq(srig_line(&r), "NOOP", "%s", refusals[i].name);
		imap4_cmd_free(noop);
		srig_close(&r);
	}
}

Test(compress, is_refused_before_the_login)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, CAPS);
	imap4_cmd *c = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "");
	expect_outcome(c, IMAP4_E_STATE, "not logged in");
	srig_close(&r);
}

Test(compress, happens_once)
{
	struct srig r = {0};
	struct zserver z;
	open_logged_in(&r, CAPS);
	imap4_cmd *c = imap4_compress_start(r.s), *again = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	(void)srig_line(&r);
	serve_begin(&z, &r);
	srig_say(&r, "$ OK go");
	(void)srig_pump(&r);
	imap4_cmd_free(c);
	cr_expect_str_eq(zline(&z), "");
	expect_outcome(again, IMAP4_E_STATE, "compressed already");
	serve_end(&z);
	srig_close(&r);
}

Test(compress, is_allowed_during_a_backup)
{
	struct srig r = {0};
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	o.policy = IMAP4_POLICY_BACKUP;
	cr_assert_eq(srig_open(&r, &o), IMAP4_OK);
	srig_say(&r, "* PREAUTH [CAPABILITY " CAPS "] hello");
	imap4_cmd *c = imap4_compress_start(r.s);
	(void)srig_pump(&r);
	cr_expect_str_eq(srig_line(&r), "COMPRESS DEFLATE");
	imap4_cmd_free(c);
	srig_close(&r);
}

struct ending {
	const char *name, *octets;
	size_t n;
	imap4_err err;
	const char *message;
};

static const struct ending endings[] = {
	{"plain text goes on", "* 3 EXISTS\r\n", 12, IMAP4_E_PROTO, "damaged"},
	{"a block of the reserved type", "\x07", 1, IMAP4_E_PROTO, "damaged"},
	{"cut within a block", "\x4a\x4c", 2, IMAP4_E_CLOSED, "cut within compressed data"},
	{"cut between blocks", "", 0, IMAP4_E_CLOSED, "the server closed the connection"},
};

Test(compress, bad_data_end_the_session)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		struct srig r = {0};
		open_logged_in(&r, CAPS);
		imap4_cmd *c = imap4_compress_start(r.s);
		(void)srig_pump(&r);
		(void)srig_line(&r);
		srig_say(&r, "$ OK go");
		feed(&r, endings[i].octets, endings[i].n);
		stream_memory_end(r.mem);
		(void)srig_pump(&r);
		const imap4_result *last = imap4_last(r.s);
		cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD, "%s", endings[i].name);
		cr_expect_eq(last->err, endings[i].err, "%s: %s", endings[i].name, last->message);
		cr_expect_not_null(strstr(last->message, endings[i].message), "%s: %s",
			endings[i].name, last->message);
		expect_outcome(c, IMAP4_OK, "");
		srig_close(&r);
	}
}

/* Through two pipes, which cut what they carry as they like. */
Test(compress, goes_through_a_sub_process, .timeout = 60)
{
	const char *const argv[] = {"python3", "tests/support/compress_server.py", NULL};
	imap4_options o;
	imap4_session *s;
	if (access(argv[1], R_OK) != 0) {
		printf("SKIPPED: %s is not there: NOTHING WAS TESTED\n", argv[1]);
		return;
	}
	imap4_options_init(&o, sizeof(o));
	o.argv = argv;
	o.security = IMAP4_CLEAR;
	cr_assert_eq(imap4_open(&s, &o, NULL), IMAP4_OK);
	cr_assert_eq(imap4_call_compress(s), IMAP4_OK);
	uint64_t in = imap4_wire_bytes_in(s), out = imap4_wire_bytes_out(s);
	for (int i = 0; i < 20; i++) {
		imap4_reply *r;
		cr_assert_eq(imap4_call_status(s, "box", IMAP4_ST_MESSAGES, &r), IMAP4_OK);
		cr_assert_eq(r->n, 1000);
		cr_expect_eq(imap4_data_status(r->data[999])->messages, 3);
		imap4_reply_free(r);
	}
	in = imap4_wire_bytes_in(s) - in;
	imap4_keep_untagged(s, 1);
	cr_assert_eq(imap4_call_noop(s), IMAP4_OK);
	out = imap4_wire_bytes_out(s) - out;
	imap4_data *d = imap4_untagged_take(s, "X-WIRE");
	cr_assert_not_null(d);
	char expected[64];
	(void)snprintf(expected, sizeof(expected), "%llu %llu", (unsigned long long)out,
		(unsigned long long)in);
	cr_expect_str_eq(imap4_data_state(d)->code_args.ptr, expected);
	imap4_data_free(d);
	cr_expect_lt(in, imap4_bytes_in(s) / 20);
	cr_expect_eq(imap4_call_logout(s), IMAP4_OK);
	imap4_close(s);
}
