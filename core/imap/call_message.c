/* SPDX-License-Identifier: MIT */
/*
 * call_message.c -- one call for each command about messages; see call.c.
 */
#include "core/imap/imap4_call.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/uidset.h"
#include "core/imap/call.h"
#include "core/imap/imap4_util.h"

imap4_set *imap4_set_of(const char *text)
{
	imap4_set *set = imap4_set_new();
	if (set != NULL && imap4_set_parse(set, text) == IMAP4_OK)
		return set;
	imap4_set_free(set);
	return NULL;
}

/* ---- flags in one string --------------------------------------------------------------------------------- */

struct flags {
	imap4_str *at;
	size_t n;
};

static int add_flag(void *ctx, imap4_str flag)
{
	struct flags *f = ctx;
	if (f->at != NULL)
		f->at[f->n] = flag;
	f->n++;
	return 0;
}

/* "(list)" has the strings that flags points to, and must live as long. */
static imap4_err split_flags(const char *text, struct buf *list, struct flags *flags)
{
	bool has_list = text != NULL && text[strspn(text, " ")] == '(';
	(void)buf_addf(list, has_list ? "%s" : "(%s)", text != NULL ? text : "");
	imap4_str s = {buf_str(list), list->len};
	if (list->failed != E_NONE)
		return list->failed == E_NOMEM ? IMAP4_E_NOMEM : IMAP4_E_ARG;
	if (imap4_flags_parse(s, add_flag, flags) < 0)
		return IMAP4_E_ARG;
	flags->at = calloc(flags->n + 1, sizeof *flags->at);
	if (flags->at == NULL)
		return IMAP4_E_NOMEM;
	flags->n = 0;
	(void)imap4_flags_parse(s, add_flag, flags);
	return IMAP4_OK;
}

#define FLAGS_TEXT_MAX ((size_t)8 << 10)

/* ---- searching ------------------------------------------------------------------------------------------- */

/* *none must be freed; q, or a query that matches all. */
static const imap4_query *query_or_all(const imap4_query *q, imap4_query **none)
{
	*none = q != NULL ? NULL : imap4_query_new();
	return q != NULL ? q : *none;
}

static imap4_err copy_numbers(imap4_session *s, const imap4_cmd *c, imap4_set **out)
{
	const imap4_numbers *found = imap4_cmd_numbers(c);
	struct err e = ERR_INIT;
	imap4_set *set = imap4_set_new();
	int rc = set != NULL ? 0 : -1;
	if (rc == 0 && found != NULL && found->set != NULL)
		rc = uidset_copy(set, found->set, &e);
	if (rc == 0) {
		*out = set;
		return IMAP4_OK;
	}
	imap4_set_free(set);
	return call_fail(s, IMAP4_E_NOMEM, "out of memory for the result of a search");
}

imap4_err imap4_call_search(imap4_session *s, const imap4_query *q, int by, imap4_set **out)
{
	const imap4_query_opts o = {.struct_size = sizeof o, .by = by};
	imap4_query *none;
	imap4_err rc;
	*out = NULL;
	const imap4_query *what = query_or_all(q, &none);
	if (what == NULL)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for a search");
	imap4_cmd *c = call_wait(s, imap4_search_start(s, what, &o), &rc);
	if (rc == IMAP4_OK)
		rc = copy_numbers(s, c, out);
	imap4_cmd_free(c);
	imap4_query_free(none);
	return rc;
}

static imap4_err copy_sorted(imap4_session *s, const imap4_sorted *sorted, uint32_t **at, size_t *n)
{
	size_t count = sorted != NULL ? sorted->n : 0;
	*at = calloc(count + 1, sizeof **at);
	if (*at == NULL)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for the result of SORT");
	if (count > 0)
		memcpy(*at, sorted->at, count * sizeof **at);
	*n = count;
	return IMAP4_OK;
}

imap4_err imap4_call_sort(imap4_session *s, const int *keys, size_t nkeys, const imap4_query *q,
	int by, uint32_t **at, size_t *n)
{
	const imap4_query_opts o = {.struct_size = sizeof o, .by = by};
	imap4_query *none;
	imap4_err rc;
	*at = NULL;
	*n = 0;
	const imap4_query *what = query_or_all(q, &none);
	if (what == NULL)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for SORT");
	imap4_cmd *c = call_wait(s, imap4_sort_start(s, keys, nkeys, what, &o), &rc);
	if (rc == IMAP4_OK)
		rc = copy_sorted(s, imap4_cmd_sorted(c), at, n);
	imap4_cmd_free(c);
	imap4_query_free(none);
	return rc;
}

static imap4_err copy_threads(
	imap4_session *s, const imap4_threads *threads, imap4_thread_node **at, size_t *n)
{
	size_t count = threads != NULL ? threads->n : 0;
	*at = calloc(count + 1, sizeof **at);
	if (*at == NULL)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for the result of THREAD");
	if (count > 0)
		memcpy(*at, threads->at, count * sizeof **at);
	*n = count;
	return IMAP4_OK;
}

imap4_err imap4_call_thread(imap4_session *s, const char *algorithm, const imap4_query *q, int by,
	imap4_thread_node **at, size_t *n)
{
	const imap4_query_opts o = {.struct_size = sizeof o, .by = by};
	imap4_query *none;
	imap4_err rc;
	*at = NULL;
	*n = 0;
	const imap4_query *what = query_or_all(q, &none);
	if (what == NULL)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for THREAD");
	imap4_cmd *c = call_wait(s, imap4_thread_start(s, algorithm, what, &o), &rc);
	if (rc == IMAP4_OK)
		rc = copy_threads(s, imap4_cmd_threads(c), at, n);
	imap4_cmd_free(c);
	imap4_query_free(none);
	return rc;
}

/* ---- fetching -------------------------------------------------------------------------------------------- */

struct each_message {
	int (*each)(void *ctx, const imap4_message *m);
	void *ctx;
};

static int give_message(void *ctx, const imap4_data *d)
{
	const struct each_message *e = ctx;
	const imap4_message *m = imap4_data_message(d);
	return m != NULL ? e->each(e->ctx, m) : 0;
}

imap4_err imap4_call_fetch(imap4_session *s, const imap4_set *set, const char *items, int by,
	int (*each)(void *ctx, const imap4_message *m), void *ctx)
{
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = by};
	struct each_message to = {each, ctx};
	return imap4_call_each(s, imap4_fetch_start(s, set, items, &o), give_message, &to);
}

/* Collects the one body that was asked for. The UID may come after it, so that it is known in body_done() only whose it
 * was. */
struct one_body {
	uint32_t number;
	int by;
	struct buf body;
	bool collected; /* a whole body came in this response */
	bool found, too_large;
};

static int body_begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct one_body *b = ctx;
	(void)so_far;
	(void)section;
	if (b->found)
		return IMAP4_SINK_SKIP;
	buf_clear(&b->body);
	b->collected = false;
	b->too_large = size > b->body.max;
	return b->too_large ? IMAP4_SINK_SKIP : IMAP4_SINK_TAKE;
}

static int body_data(void *ctx, const void *p, size_t n)
{
	struct one_body *b = ctx;
	return buf_add(&b->body, p, n);
}

static int body_end(void *ctx, int complete)
{
	struct one_body *b = ctx;
	b->collected = complete != 0;
	return 0;
}

static int body_done(void *ctx, const imap4_message *m)
{
	struct one_body *b = ctx;
	bool it = (b->by == IMAP4_BY_UID ? m->uid : m->seq) == b->number;
	if (it && b->collected)
		b->found = true;
	if (!it)
		b->too_large = false;
	b->collected = false;
	return 0;
}

static imap4_err one_body_result(
	imap4_session *s, struct one_body *b, imap4_err rc, char **out, size_t *n)
{
	if (b->body.failed == E_NOMEM)
		return call_fail(s, IMAP4_E_NOMEM, "out of memory for a message");
	if (rc != IMAP4_OK)
		return rc;
	if (b->too_large)
		return call_fail(s, IMAP4_E_LIMIT, "the section is larger than was allowed");
	if (!b->found)
		return call_fail(s, IMAP4_E_NO, "there is no such message, or no such section");
	*n = b->body.len;
	*out = b->body.len > 0 ? buf_take(&b->body) : calloc(1, 1);
	return *out != NULL ? IMAP4_OK : call_fail(s, IMAP4_E_NOMEM, "out of memory for a message");
}

imap4_err imap4_call_fetch_body(imap4_session *s, uint32_t number, int by, const char *section,
	size_t max, char **out, size_t *n)
{
	struct one_body b = {.number = number, .by = by, .body = BUF_INIT(max)};
	const imap4_sink sink = {&b, body_begin, body_data, body_end, body_done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = by, .sink = &sink};
	struct buf items = BUF_INIT(FLAGS_TEXT_MAX);
	*out = NULL;
	*n = 0;
	imap4_set *set = imap4_set_new();
	(void)buf_addf(&items, "BODY.PEEK[%s]", section);
	imap4_err rc = set != NULL ? imap4_set_add(set, number) : IMAP4_E_NOMEM;
	if (rc == IMAP4_OK && items.failed != E_NONE)
		rc = items.failed == E_NOMEM ? IMAP4_E_NOMEM : IMAP4_E_ARG;
	if (rc == IMAP4_OK)
		rc = one_body_result(s, &b,
			call_finish(s, imap4_fetch_start(s, set, buf_str(&items), &o)), out, n);
	else
		(void)call_fail(s, rc, "the number or the section cannot be asked for");
	imap4_set_free(set);
	buf_release(&items);
	buf_release(&b.body);
	return rc;
}

/* ---- changing -------------------------------------------------------------------------------------------- */

imap4_err imap4_call_store(
	imap4_session *s, const imap4_set *set, int how, const char *flags, int by)
{
	const imap4_store_opts o = {.struct_size = sizeof o, .by = by, .silent = 1};
	struct buf list = BUF_INIT(FLAGS_TEXT_MAX);
	struct flags f = {NULL, 0};
	imap4_err rc = split_flags(flags, &list, &f);
	if (rc == IMAP4_OK)
		rc = call_finish(s, imap4_store_start(s, set, how, f.at, f.n, &o));
	else
		(void)call_fail(s, rc, "STORE: the flags cannot be read");
	free(f.at);
	buf_release(&list);
	return rc;
}

imap4_err imap4_call_copy(imap4_session *s, const imap4_set *set, const char *mailbox, int by)
{
	const imap4_copy_opts o = {.struct_size = sizeof o, .by = by};
	return call_finish(s, imap4_copy_start(s, set, call_str(mailbox), &o));
}

imap4_err imap4_call_move(imap4_session *s, const imap4_set *set, const char *mailbox, int by)
{
	const imap4_copy_opts o = {.struct_size = sizeof o, .by = by};
	return call_finish(s, imap4_move_start(s, set, call_str(mailbox), &o));
}

imap4_err imap4_call_expunge(imap4_session *s, imap4_reply **out)
{
	return call_maybe_data(s, imap4_expunge_start(s), out);
}

/* The octets of a message that lies in memory. */
struct octets {
	const unsigned char *p;
	size_t left;
};

static long read_octets(void *ctx, void *p, size_t n)
{
	struct octets *o = ctx;
	size_t part = n < o->left ? n : o->left;
	memcpy(p, o->p, part);
	o->p += part;
	o->left -= part;
	return (long)part;
}

static uint32_t first_uid(const imap4_cmd *c)
{
	const imap4_appended *a = imap4_cmd_appended(c);
	return a != NULL && a->n > 0 ? a->uid[0] : 0;
}

imap4_err imap4_call_append(imap4_session *s, const char *mailbox, const char *flags,
	const char *internaldate, const void *message, size_t n, uint32_t *uid)
{
	struct octets octets = {message, n};
	struct buf list = BUF_INIT(FLAGS_TEXT_MAX);
	struct flags f = {NULL, 0};
	if (uid != NULL)
		*uid = 0;
	imap4_err rc = split_flags(flags, &list, &f);
	if (rc == IMAP4_OK) {
		const imap4_append_message m = {.struct_size = sizeof m,
			.flags = f.at,
			.nflags = f.n,
			.internaldate = call_str(internaldate),
			.size = n,
			.source = {&octets, read_octets}};
		imap4_cmd *c =
			call_wait(s, imap4_append_start(s, call_str(mailbox), &m, 1, NULL), &rc);
		if (rc == IMAP4_OK && uid != NULL)
			*uid = first_uid(c);
		imap4_cmd_free(c);
	} else {
		(void)call_fail(s, rc, "APPEND: the flags cannot be read");
	}
	free(f.at);
	buf_release(&list);
	return rc;
}
