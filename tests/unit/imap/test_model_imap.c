/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/uidset.h"
#include "tests/support/model_imap.h"
#include "tests/support/session_rig.h"

static void log_in(struct srig *r, struct model_imap *m)
{
	imap4_options o;
	imap4_options_init(&o, sizeof(o));
	o.security = IMAP4_CLEAR;
	cr_assert_eq(srig_connect(r, &o, model_port(m)), IMAP4_OK);
	const imap4_credentials me = {
		.struct_size = sizeof(me), .user = MODEL_USER, .password = MODEL_PASSWORD};
	imap4_cmd *c = imap4_login_start(r->s, &me);
	cr_assert_not_null(c);
	cr_assert_eq(imap4_cmd_wait(c, 10000), IMAP4_OK, "%s", imap4_cmd_result(c)->message);
	imap4_cmd_free(c);
}

static imap4_err wait_and_free(imap4_cmd *c)
{
	cr_assert_not_null(c);
	imap4_err rc = imap4_cmd_wait(c, 10000);
	imap4_cmd_free(c);
	return rc;
}

static imap4_err examine(struct srig *r, const char *name)
{
	const imap4_select_opts o = {.struct_size = sizeof(o), .condstore = 1};
	return wait_and_free(imap4_select_start(r->s, (imap4_str){name, strlen(name)}, &o));
}

struct got {
	unsigned begun, ended, done;
	uint32_t uid;
	struct buf bytes;
};

static int got_begin(void *ctx, const imap4_message *m, imap4_str section, uint64_t size)
{
	(void)m;
	(void)section;
	(void)size;
	((struct got *)ctx)->begun++;
	return IMAP4_SINK_TAKE;
}

static int got_data(void *ctx, const void *p, size_t n)
{
	return buf_add(&((struct got *)ctx)->bytes, p, n);
}

static int got_end(void *ctx, int complete)
{
	((struct got *)ctx)->ended += complete != 0;
	return 0;
}

static int got_done(void *ctx, const imap4_message *m)
{
	struct got *g = ctx;
	g->done++;
	g->uid = m->uid;
	return 0;
}

static imap4_err fetch(struct srig *r, uint32_t from, struct got *g)
{
	const imap4_sink sink = {g, got_begin, got_data, got_end, got_done};
	imap4_fetch_opts o = {.struct_size = sizeof(o), .by = IMAP4_BY_UID, .sink = &sink};
	struct uidset set = {0};
	struct err e = ERR_INIT;
	cr_assert_eq(uidset_add_range(&set, from, from + 9, &e), 0);
	buf_init(&g->bytes, 1 << 20);
	imap4_err rc = wait_and_free(imap4_fetch_start(
		r->s, &set, "UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ BODY.PEEK[]", &o));
	uidset_release(&set);
	return rc;
}

Test(model_imap, gives_messages_byte_for_byte)
{
	struct model_imap *m = model_new();
	model_mailbox(m, "INBOX", 7);
	const char text[] = "Subject: a\r\n\r\n\0\x80 line\nbare\r\n";
	cr_assert_eq(model_add(m, "INBOX", text, sizeof(text) - 1, "\\Seen", NULL), 1);
	struct srig r = {0};
	log_in(&r, m);
	cr_assert_eq(examine(&r, "INBOX"), IMAP4_OK);
	const imap4_selected *sel = imap4_selected_mailbox(r.s);
	cr_assert_not_null(sel);
	cr_expect_eq(sel->uidvalidity, 7);
	cr_expect_eq(sel->exists, 1);
	cr_expect_eq(sel->uidnext, 2);
	cr_expect(sel->read_only);
	struct got g = {0};
	cr_assert_eq(fetch(&r, 1, &g), IMAP4_OK);
	cr_expect_eq(g.done, 1);
	cr_expect_eq(g.uid, 1);
	cr_expect(slice_eq(buf_slice(&g.bytes), slice_of(text, sizeof(text) - 1)));
	cr_expect_eq(model_bodies(m), 1);
	cr_expect_eq(model_commands(m, "UID FETCH"), 1);
	cr_expect_not(model_was_touched(m));
	buf_release(&g.bytes);
	srig_close(&r);
	model_free(m);
}

Test(model_imap, lists_with_status_in_one_round_trip)
{
	struct model_imap *m = model_new();
	model_mailbox(m, "INBOX", 7);
	model_mailbox(m, "Sent", 8);
	model_attributes(m, "Sent", "\\Sent");
	model_add_many(m, "Sent", 5, 100);
	struct srig r = {0};
	log_in(&r, m);
	const imap4_list_opts o = {.struct_size = sizeof(o),
		.ret = IMAP4_RET_SUBSCRIBED | IMAP4_RET_CHILDREN | IMAP4_RET_SPECIAL_USE,
		.status_items = IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY |
			IMAP4_ST_HIGHESTMODSEQ};
	const char *all[] = {"*"};
	imap4_cmd *c = imap4_list_start(r.s, "", all, 1, &o);
	cr_assert_not_null(c);
	cr_assert_eq(imap4_cmd_wait(c, 10000), IMAP4_OK, "%s", imap4_cmd_result(c)->message);
	unsigned lists = 0, statuses = 0;
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		const imap4_list *l = imap4_data_list(d);
		const imap4_status *st = imap4_data_status(d);
		lists += l != NULL;
		statuses += st != NULL;
		if (l && l->name.len == 4)
			cr_expect(
				(l->attrs & IMAP4_LIST_SENT) && (l->attrs & IMAP4_LIST_SUBSCRIBED));
		if (st && st->mailbox.len == 4) {
			cr_expect_eq(st->messages, 5);
			cr_expect_eq(st->uidnext, 6);
			cr_expect_eq(st->uidvalidity, 8);
			cr_expect_eq(st->highestmodseq, 6);
		}
	}
	cr_expect_eq(lists, 2);
	cr_expect_eq(statuses, 2);
	imap4_cmd_free(c);
	srig_close(&r);
	model_free(m);
}

Test(model_imap, tells_of_new_and_expunged_messages)
{
	struct model_imap *m = model_new();
	model_mailbox(m, "INBOX", 7);
	model_add_many(m, "INBOX", 3, 50);
	struct srig r = {0};
	log_in(&r, m);
	cr_assert_eq(examine(&r, "INBOX"), IMAP4_OK);
	model_expunge(m, "INBOX", 2);
	model_add_many(m, "INBOX", 4, 50);
	cr_assert_eq(wait_and_free(imap4_noop_start(r.s)), IMAP4_OK);
	cr_expect_eq(imap4_selected_mailbox(r.s)->exists, 6);
	imap4_cmd *c = imap4_search_set_start(r.s, NULL,
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	cr_assert_not_null(c);
	cr_assert_eq(imap4_cmd_wait(c, 10000), IMAP4_OK);
	cr_expect_eq(uidset_count(imap4_cmd_numbers(c)->set), 6);
	cr_expect_not(uidset_has(imap4_cmd_numbers(c)->set, 2));
	imap4_cmd_free(c);
	srig_close(&r);
	model_free(m);
}

struct poison_row {
	const char *name;
	enum model_poison how;
	imap4_err err;
	unsigned begun, ended, done;
};

Test(model_imap, misbehaves_as_told_and_only_then)
{
	/* Three messages, the second is poisoned. */
	static const struct poison_row rows[] = {
		{"NO", MODEL_NO, IMAP4_E_NO, 1, 1, 1},
		{"BAD", MODEL_BAD, IMAP4_E_BAD, 1, 1, 1},
		{"hang up", MODEL_HANG_UP, IMAP4_E_CLOSED, 2, 1, 1},
		{"no body", MODEL_NO_BODY, IMAP4_OK, 2, 2, 2},
		{"NIL", MODEL_NIL_BODY, IMAP4_OK, 2, 2, 3},
		{"empty", MODEL_EMPTY_BODY, IMAP4_OK, 3, 3, 3},
		{"twice", MODEL_TWICE, IMAP4_OK, 4, 4, 4},
		{"late UID", MODEL_LATE_UID, IMAP4_OK, 3, 3, 3},
		{"honest", 0, IMAP4_OK, 3, 3, 3},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct model_imap *m = model_new();
		model_mailbox(m, "INBOX", 7);
		model_add_many(m, "INBOX", 3, 3000);
		const struct model_faults f = {.poison = {{"INBOX", 2, rows[i].how, 0}}};
		model_faults(m, &f);
		struct srig r = {0};
		log_in(&r, m);
		cr_assert_eq(examine(&r, "INBOX"), IMAP4_OK);
		struct got g = {0};
		imap4_err rc = fetch(&r, 1, &g);
		cr_expect_eq(rc, rows[i].err, "%s: %s", rows[i].name, imap4_err_name(rc));
		cr_expect_eq(g.begun, rows[i].begun, "%s: begun %u", rows[i].name, g.begun);
		cr_expect_eq(g.ended, rows[i].ended, "%s: ended %u", rows[i].name, g.ended);
		cr_expect_eq(g.done, rows[i].done, "%s: done %u", rows[i].name, g.done);
		buf_release(&g.bytes);
		srig_close(&r);
		model_free(m);
	}
}

Test(model_imap, cuts_a_connection_after_any_number_of_octets)
{
	struct model_imap *m = model_new();
	model_mailbox(m, "INBOX", 7);
	for (uint64_t n = 1; n < 600; n += 37) {
		const struct model_faults f = {.cut_after = n, .cut_connections = 0};
		model_faults(m, &f);
		imap4_options o;
		imap4_options_init(&o, sizeof(o));
		o.security = IMAP4_CLEAR;
		struct srig r = {0};
		cr_assert_eq(srig_connect(&r, &o, model_port(m)), IMAP4_OK);
		imap4_cmd *c;
		while ((c = imap4_capability_start(r.s)) != NULL &&
			imap4_cmd_wait(c, 5000) == IMAP4_OK)
			imap4_cmd_free(c);
		cr_expect_eq(imap4_session_state(r.s), IMAP4_DEAD);
		cr_expect_eq(imap4_bytes_in(r.s), n);
		srig_close(&r);
	}
	model_free(m);
}
