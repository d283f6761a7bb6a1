/* SPDX-License-Identifier: MIT */
/*
 * cmd_query.c -- SEARCH for a query (RFC 9051 section 6.4.4; RETURN: RFC 4731; SAVE: RFC 5182; PARTIAL: RFC 9394), and what
 * SORT and THREAD share with it.
 *
 * The plain answer does not name its command, so at most one is in flight. An answer that cannot be read whole makes
 * the command fail: a message missing from a result is taken for one that does not match.
 */
#include "core/imap/cmd_query.h"

#include <stdlib.h>

#define WANT_EVERYTHING                                                                            \
	(IMAP4_WANT_MIN | IMAP4_WANT_MAX | IMAP4_WANT_COUNT | IMAP4_WANT_ALL | IMAP4_WANT_RELEVANCY)

static void free_args(void *more)
{
	struct query_args *a = more;
	imap4_query_free(a->query);
	free(a);
}

/* ---- sending --------------------------------------------------------------------------------------- */

int query_lacks(struct imap4_cmd *c, const char *what)
{
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", what);
	return 1;
}

struct query_need {
	unsigned need;
	const char *capability;
};

int query_possible(struct imap4_cmd *c)
{
	static const struct query_need table[] = {
		{QUERY_WITHIN, "WITHIN"},
		{QUERY_SAVEDATE, "SAVEDATE"},
		{QUERY_OBJECTID, "OBJECTID"},
		{QUERY_GMAIL, "X-GM-EXT-1"},
		{QUERY_FUZZY, "SEARCH=FUZZY"},
		{QUERY_FILTERS, "FILTERS"},
	};
	const struct query_args *a = c->more;
	unsigned needs = a->query->needs;
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if ((needs & table[i].need) != 0 && !cmd_has(c, table[i].capability, false))
			return query_lacks(c, table[i].capability);
	if ((needs & QUERY_CONDSTORE) != 0 && !cmd_has(c, "CONDSTORE", false) &&
		!cmd_has(c, "QRESYNC", false))
		return query_lacks(c, "CONDSTORE");
	if ((needs & QUERY_MESSAGELIMIT) != 0 && cmd_limit(c->engine, "MESSAGELIMIT") == 0)
		return query_lacks(c, "MESSAGELIMIT");
	return cmd_set_possible(c) ? 0 : 1;
}

void query_encode_return(struct imap4_cmd *c, const struct query_args *a)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} wanted[] = {
		{IMAP4_WANT_MIN, "MIN"},
		{IMAP4_WANT_MAX, "MAX"},
		{IMAP4_WANT_COUNT, "COUNT"},
		{IMAP4_WANT_RELEVANCY, "RELEVANCY"},
		{IMAP4_WANT_ALL, "ALL"},
	};
	enc_raw(&c->enc, a->save ? " RETURN (SAVE" : " RETURN (");
	const char *between = a->save ? " " : "";
	for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
		if ((a->wanted & wanted[i].bit) != 0) {
			enc_raw(&c->enc, between);
			enc_raw(&c->enc, wanted[i].name);
			between = " ";
		}
	if (a->partial_first != 0) {
		enc_raw(&c->enc, between);
		cmd_encode_partial(&c->enc, a->partial_first, a->partial_last);
	}
	enc_raw(&c->enc, ")");
}

/* RFC 5267 section 5 has no range from the end. */
static bool has_partial(const struct imap4_cmd *c, const struct query_args *a, const char *context)
{
	return a->partial_first == 0 || cmd_has(c, "PARTIAL", false) ||
		(a->partial_first > 0 && cmd_has(c, context, false));
}

/* Whether the server can say it as it is wanted; else 1. */
static int return_possible(struct imap4_cmd *c, const struct query_args *a)
{
	if (a->save && !cmd_has(c, "SEARCHRES", true))
		return query_lacks(c, "SEARCHRES");
	return has_partial(c, a, "CONTEXT=SEARCH") ? 0 : query_lacks(c, "PARTIAL");
}

static int search_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	struct query_args *a = c->more;
	enc_raw(&c->enc, c->kind->name);
	/* Who has SEARCHRES or PARTIAL has ESEARCH (RFC 5182 section 2.1, RFC 9394 section 3.1). */
	a->esearch = !a->plain && (a->save || a->partial_first != 0 || cmd_has(c, "ESEARCH", true));
	if (a->esearch)
		query_encode_return(c, a);
	/* RFC 6855 section 3: no CHARSET once UTF-8 is what everything is. */
	if (a->query->utf8 && !engine_utf8(c->engine))
		enc_raw(&c->enc, " CHARSET UTF-8");
	enc_raw(&c->enc, " ");
	query_encode(&c->enc, a->query);
	int r = query_possible(c);
	return r == 0 ? return_possible(c, a) : r;
}

/* ---- SEARCH: the answer ------------------------------------------------------------------------------ */

void query_note_numbers(imap4_numbers *v, const imap4_numbers *n)
{
	v->have |= n->have;
	if ((n->have & IMAP4_WANT_MIN) != 0)
		v->min = n->min;
	if ((n->have & IMAP4_WANT_MAX) != 0)
		v->max = n->max;
	if ((n->have & IMAP4_WANT_COUNT) != 0)
		v->count = n->count;
	if ((n->have & IMAP4_HAVE_MODSEQ) != 0)
		v->modseq = n->modseq;
	if ((n->have & IMAP4_HAVE_PARTIAL) != 0) {
		v->partial_first = n->partial_first;
		v->partial_last = n->partial_last;
	}
}

static int search_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	const imap4_numbers *n = imap4_data_numbers(d);
	if (resp_is_damaged(d)) {
		cmd_fail_local(c, IMAP4_E_PROTO, "the server sent numbers that cannot be read");
		return 0;
	}
	query_note_numbers(&c->numbers_view, n);
	if (n->set != NULL && uidset_unite(&c->numbers, n->set, e) != 0)
		return -1;
	return query_take_scores(c, d, e);
}

static void search_begun(struct imap4_cmd *c)
{
	const struct query_args *a = c->more;
	if (a->save)
		engine_set_saved(c->engine, ENGINE_SAVED_SOON);
}

static void search_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	(void)tagged;
	const struct query_args *a = c->more;
	imap4_numbers *v = &c->numbers_view;
	v->set = &c->numbers;
	v->uid = a->by_uid;
	/* RFC 4731 section 3.1: what matches nothing has no ALL, MIN and MAX, but an answer all the same. */
	bool whole = (v->have & IMAP4_WANT_ALL) != 0 ||
		(a->esearch && c->answered && (a->wanted & IMAP4_WANT_ALL) != 0);
	/* RFC 9738 section 3.1: it goes downwards, and what was not looked at may match as well. */
	if (c->limited != NULL)
		v->have &= ~(uint32_t)(IMAP4_WANT_MIN | IMAP4_WANT_COUNT | IMAP4_WANT_ALL);
	if (!whole || c->limited != NULL)
		return;
	v->min = uidset_min(&c->numbers);
	v->max = uidset_max(&c->numbers);
	v->count = uidset_count(&c->numbers);
	v->have |= IMAP4_WANT_COUNT | IMAP4_WANT_ALL |
		(v->count > 0 ? IMAP4_WANT_MIN | IMAP4_WANT_MAX : 0);
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* Why the options make no sense, or NULL. */
static const char *wrong_options(
	enum query_what what, const imap4_query *q, const imap4_query_opts *o)
{
	if (what != QUERY_THREAD && (o->wanted & IMAP4_WANT_RELEVANCY) != 0) {
		if (q == NULL || (q->needs & QUERY_FUZZY) == 0) /* RFC 6203 section 4 */
			return "only a fuzzy condition has scores";
		if (o->plain)
			return "a plain one has no scores";
	}
	if (!cmd_is_partial(o->partial_first, o->partial_last))
		return "no such range";
	if (o->save && what != QUERY_SEARCH)
		return "only a SEARCH can be saved";
	if (o->partial_first != 0 && what == QUERY_THREAD)
		return "threads come whole";
	if (o->plain && (o->save || o->partial_first != 0))
		return "a plain one has no options";
	if (o->partial_first != 0 && (o->wanted & IMAP4_WANT_ALL) != 0)
		return "either a range of the result or all of it"; /* RFC 9394 section 3.1 */
	return NULL;
}

static void set_flags(struct imap4_cmd *c, const struct query_args *a)
{
	/* Message numbers mean something only while nothing else can change them (RFC 9051 section 5.5). */
	if (!a->by_uid || (a->query->needs & QUERY_BY_SEQ) != 0)
		c->flags |= CMD_BARRIER | CMD_BY_SEQ;
	if ((a->query->needs & QUERY_SAVED) != 0)
		c->flags |= CMD_USES_SAVED;
	if (a->save)
		c->flags |= CMD_SAVES;
}

struct imap4_cmd *query_new(imap4_session *s, const struct cmd_kind kinds[2], enum query_what what,
	const imap4_query *q, const imap4_query_opts *o)
{
	imap4_query_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
	const char *wrong = wrong_options(what, q, &opts);
	if (wrong != NULL)
		return session_refuse(s, IMAP4_E_ARG, "%s: %s", kinds[by_uid].name, wrong);
	struct imap4_cmd *c = cmd_new(s, &kinds[by_uid]);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct query_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, c->kind->name);
		return cmd_discard(c, &e);
	}
	c->more = a;
	c->free_more = free_args;
	a->by_uid = by_uid;
	a->plain = opts.plain != 0;
	a->save = opts.save != 0;
	a->wanted = opts.wanted & WANT_EVERYTHING;
	a->partial_first = opts.partial_first;
	a->partial_last = opts.partial_last;
	/* Nobody could tell whose score is which. */
	if ((a->wanted & IMAP4_WANT_RELEVANCY) != 0 && a->partial_first == 0)
		a->wanted |= IMAP4_WANT_ALL;
	if (a->wanted == 0 && what == QUERY_SEARCH && !a->save && a->partial_first == 0)
		a->wanted = IMAP4_WANT_ALL;
	a->query = query_copy(q, &e);
	if (a->query == NULL)
		return cmd_discard(c, &e);
	set_flags(c, a);
	return c;
}

/* by message number, by UID */
#define SEARCH_KIND(text)                                                                          \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = search_claims,                     \
		.take = search_take, .encode = search_encode, .begun = search_begun,               \
		.conflicts = search_conflicts, .completed = search_completed                       \
	}

static const struct cmd_kind search_kind[] = {SEARCH_KIND("SEARCH"), SEARCH_KIND("UID SEARCH")};

imap4_cmd *imap4_search_start(imap4_session *s, const imap4_query *q, const imap4_query_opts *o)
{
	struct imap4_cmd *c = query_new(s, search_kind, QUERY_SEARCH, q, o);
	return c == NULL ? NULL : cmd_submit(c);
}
