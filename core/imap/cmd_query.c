/* SPDX-License-Identifier: MIT */
/*
 * cmd_query.c -- SEARCH for a query (RFC 9051 section 6.4.4, RETURN: RFC 4731), SORT and THREAD (RFC 5256).
 *
 * None of the plain answers names its command, so at most one of a kind is in flight. An answer that cannot be read
 * whole makes the command fail: a message missing from a result is taken for one that does not match.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/imap/query.h"

/* imap4_numbers.have, the same bits as IMAP4_WANT_* */
enum { HAVE_MODSEQ = 1 << 4 };
#define WANT_EVERYTHING (IMAP4_WANT_MIN | IMAP4_WANT_MAX | IMAP4_WANT_COUNT | IMAP4_WANT_ALL)

#define SORT_KEYS_MAX 32
#define ALGORITHM_MAX 64

struct query_args {
	struct imap4_query *query;
	bool by_uid, plain;
	uint32_t wanted;
	bool esearch; /* RETURN was sent */
	int sort[SORT_KEYS_MAX];
	size_t nsort;
	char algorithm[sizeof "THREAD=" + ALGORITHM_MAX]; /* as the capability is called */
};

static void free_args(void *more)
{
	struct query_args *a = more;
	imap4_query_free(a->query);
	free(a);
}

/* ---- sending --------------------------------------------------------------------------------------- */

static int lacks(struct imap4_cmd *c, const char *what)
{
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", what);
	return 1;
}

/* Whether the server can answer the query; else 1, and the command will end so. */
static int query_possible(struct imap4_cmd *c)
{
	const struct query_args *a = c->more;
	if ((a->query->needs & QUERY_WITHIN) != 0 && !cmd_has(c, "WITHIN", false))
		return lacks(c, "WITHIN");
	if ((a->query->needs & QUERY_CONDSTORE) != 0 && !cmd_has(c, "CONDSTORE", false) &&
		!cmd_has(c, "QRESYNC", false))
		return lacks(c, "CONDSTORE");
	return 0;
}

static void encode_return(struct imap4_cmd *c, const struct query_args *a)
{
	static const char *const names[] = {"MIN", "MAX", "COUNT", "ALL"};
	const char *before = " RETURN (";
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if ((a->wanted & 1u << i) != 0) {
			enc_raw(&c->enc, before);
			enc_raw(&c->enc, names[i]);
			before = " ";
		}
	enc_raw(&c->enc, ")");
}

static int search_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	struct query_args *a = c->more;
	enc_raw(&c->enc, c->kind->name);
	a->esearch = !a->plain && cmd_has(c, "ESEARCH", true);
	if (a->esearch)
		encode_return(c, a);
	/* RFC 6855 section 3: no CHARSET once UTF-8 is what everything is. */
	if (a->query->utf8 && !engine_enabled(c->engine, "UTF8=ACCEPT") &&
		!engine_enabled(c->engine, "IMAP4rev2"))
		enc_raw(&c->enc, " CHARSET UTF-8");
	enc_raw(&c->enc, " ");
	query_encode(&c->enc, a->query);
	return query_possible(c);
}

/* SORT and THREAD always name a charset. */
static int encode_with_charset(struct imap4_cmd *c, const struct query_args *a)
{
	enc_raw(&c->enc, a->query->utf8 ? " UTF-8 " : " US-ASCII ");
	query_encode(&c->enc, a->query);
	return query_possible(c);
}

static int sort_encode(struct imap4_cmd *c, struct err *e)
{
	static const char *const names[] = {"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT",
		"TO", "DISPLAYFROM", "DISPLAYTO"};
	(void)e;
	const struct query_args *a = c->more;
	bool display = false;
	enc_raw(&c->enc, c->kind->name);
	for (size_t i = 0; i < a->nsort; i++) {
		int key = a->sort[i] & ~IMAP4_SORT_REVERSE;
		enc_raw(&c->enc, i == 0 ? " (" : " ");
		enc_raw(&c->enc, (a->sort[i] & IMAP4_SORT_REVERSE) != 0 ? "REVERSE " : "");
		enc_raw(&c->enc, names[key]);
		display = display || key >= IMAP4_SORT_DISPLAYFROM;
	}
	enc_raw(&c->enc, ")");
	int r = encode_with_charset(c, a);
	if (r == 0 && !cmd_has(c, "SORT", false))
		return lacks(c, "SORT");
	return r == 0 && display && !cmd_has(c, "SORT=DISPLAY", false) ? lacks(c, "SORT=DISPLAY")
								       : r;
}

static int thread_encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	const struct query_args *a = c->more;
	enc_raw(&c->enc, c->kind->name);
	enc_raw(&c->enc, " ");
	enc_atom(&c->enc, slice_str(a->algorithm + strlen("THREAD=")));
	int r = encode_with_charset(c, a);
	if (r != 0 || cmd_has(c, a->algorithm, false))
		return r;
	char shown[2 * ALGORITHM_MAX];
	text_show(shown, sizeof shown, slice_str(a->algorithm));
	return lacks(c, shown);
}

/* ---- SEARCH: the answer ------------------------------------------------------------------------------ */

static int search_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	const imap4_numbers *n = imap4_data_numbers(d);
	imap4_numbers *v = &c->numbers_view;
	if (resp_is_damaged(d)) {
		cmd_fail_local(c, IMAP4_E_PROTO, "the server sent numbers that cannot be read");
		return 0;
	}
	v->have |= n->have;
	if ((n->have & IMAP4_WANT_MIN) != 0)
		v->min = n->min;
	if ((n->have & IMAP4_WANT_MAX) != 0)
		v->max = n->max;
	if ((n->have & IMAP4_WANT_COUNT) != 0)
		v->count = n->count;
	if ((n->have & HAVE_MODSEQ) != 0)
		v->modseq = n->modseq;
	return n->set == NULL ? 0 : uidset_unite(&c->numbers, n->set, e);
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
	if (!whole)
		return;
	v->min = uidset_min(&c->numbers);
	v->max = uidset_max(&c->numbers);
	v->count = uidset_count(&c->numbers);
	v->have |= IMAP4_WANT_COUNT | IMAP4_WANT_ALL |
		(v->count > 0 ? IMAP4_WANT_MIN | IMAP4_WANT_MAX : 0);
}

/* ---- SORT and THREAD: the answers ---------------------------------------------------------------------- */

struct sorted {
	imap4_sorted view;
	uint32_t at[];
};

struct threads {
	imap4_threads view;
	imap4_thread_node at[];
};

static bool is_named(const struct imap4_data *d, const char *name)
{
	imap4_str s = imap4_data_name(d);
	return imap4_data_kind(d) == IMAP4_DATA_OTHER &&
		slice_ieq_str(slice_of(s.ptr, s.len), name);
}

static bool sort_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return is_named(d, "SORT");
}

static bool thread_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return is_named(d, "THREAD");
}

static bool sort_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == sort_conflicts;
}

static bool thread_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == thread_conflicts;
}

static int unreadable(struct imap4_cmd *c)
{
	cmd_fail_local(c, IMAP4_E_PROTO, "the server sent a result that cannot be read");
	return 0;
}

/* All values below a node. Their depth is bounded by the parser. */
static size_t count_values(const imap4_node *list)
{
	size_t n = 0;
	for (const imap4_node *v = imap4_node_child(list); v != NULL; v = imap4_node_next(v))
		n += 1 + count_values(v);
	return n;
}

static void *result_memory(
	struct imap4_cmd *c, size_t fixed, size_t each, const imap4_node *root, struct err *e)
{
	size_t n = count_values(root);
	void *p = n < (SIZE_MAX - fixed) / each ? calloc(1, fixed + n * each) : NULL;
	if (p == NULL)
		(void)err_nomem(e, c->kind->name);
	c->outcome = p;
	c->free_outcome = free;
	return p;
}

static bool number_of(const imap4_node *v, uint32_t *out)
{
	uint64_t n;
	if (!imap4_node_u64(v, &n) || n == 0 || n > UINT32_MAX)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "* SORT 2 84 882", with "(MODSEQ 917162500)" behind (RFC 7162 section 3.1.6, as for SEARCH). */
static int sort_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	const imap4_node *root = imap4_data_root(d);
	if (resp_is_damaged(d) || root == NULL || c->outcome != NULL)
		return unreadable(c);
	struct sorted *s = result_memory(c, sizeof *s, sizeof s->at[0], root, e);
	if (s == NULL)
		return -1;
	s->view.at = s->at;
	for (const imap4_node *v = imap4_node_child(root); v != NULL; v = imap4_node_next(v)) {
		if (imap4_node_kind(v) == IMAP4_NODE_LIST)
			continue;
		if (!number_of(v, &s->at[s->view.n++]))
			return unreadable(c);
	}
	return 0;
}

/*
 * thread-members = nz-number *(SP nz-number) [SP thread-nested] (RFC 5256 section 5): each number answers the one before
 * it; lists behind it are several answers. A list that begins with a list has a first message that is not there.
 */
static bool read_thread(struct threads *t, const imap4_node *list, size_t parent)
{
	const imap4_node *v = imap4_node_child(list);
	if (v == NULL)
		return false;
	bool nested = false;
	if (imap4_node_kind(v) == IMAP4_NODE_LIST) {
		t->at[t->view.n] = (imap4_thread_node){0, parent};
		parent = t->view.n++;
	}
	for (; v != NULL; v = imap4_node_next(v)) {
		if (imap4_node_kind(v) == IMAP4_NODE_LIST) {
			nested = true;
			if (!read_thread(t, v, parent))
				return false;
			continue;
		}
		imap4_thread_node *node = &t->at[t->view.n];
		if (nested || !number_of(v, &node->number))
			return false;
		node->parent = parent;
		parent = t->view.n++;
	}
	return true;
}

static int thread_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	const imap4_node *root = imap4_data_root(d);
	if (resp_is_damaged(d) || root == NULL || c->outcome != NULL)
		return unreadable(c);
	/* A node for each list and each number: the ones for messages that are not there stand for their list. */
	struct threads *t = result_memory(c, sizeof *t, sizeof t->at[0], root, e);
	if (t == NULL)
		return -1;
	t->view.at = t->at;
	for (const imap4_node *v = imap4_node_child(root); v != NULL; v = imap4_node_next(v))
		if (imap4_node_kind(v) != IMAP4_NODE_LIST || !read_thread(t, v, IMAP4_THREAD_ROOT))
			return unreadable(c);
	return 0;
}

/* ---- kinds: by message number, by UID -------------------------------------------------------------------- */

#define QUERY_FLAGS (CMD_NEEDS_SELECTED | CMD_TRY_ENCODE)
#define SEARCH_KIND(text)                                                                          \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = search_claims,                     \
		.take = search_take, .encode = search_encode, .conflicts = search_conflicts,       \
		.completed = search_completed                                                      \
	}
#define SORT_KIND(text)                                                                            \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = sort_claims, .take = sort_take,    \
		.encode = sort_encode, .conflicts = sort_conflicts                                 \
	}
#define THREAD_KIND(text)                                                                          \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = thread_claims,                     \
		.take = thread_take, .encode = thread_encode, .conflicts = thread_conflicts        \
	}

static const struct cmd_kind search_kind[] = {SEARCH_KIND("SEARCH"), SEARCH_KIND("UID SEARCH")};
static const struct cmd_kind sort_kind[] = {SORT_KIND("SORT"), SORT_KIND("UID SORT")};
static const struct cmd_kind thread_kind[] = {THREAD_KIND("THREAD"), THREAD_KIND("UID THREAD")};

static struct imap4_cmd *new_query(imap4_session *s, const struct cmd_kind *kinds,
	const imap4_query *q, const imap4_query_opts *o)
{
	imap4_query_opts opts;
	cmd_options(&opts, sizeof opts, o);
	bool by_uid = opts.by == IMAP4_BY_UID;
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
	a->wanted = opts.wanted & WANT_EVERYTHING;
	if (a->wanted == 0)
		a->wanted = IMAP4_WANT_ALL;
	a->query = query_copy(q, &e);
	if (a->query == NULL)
		return cmd_discard(c, &e);
	/* Message numbers mean something only while nothing else can change them (RFC 9051 section 5.5). */
	if (!by_uid)
		c->flags |= CMD_BARRIER;
	return c;
}

imap4_cmd *imap4_search_start(imap4_session *s, const imap4_query *q, const imap4_query_opts *o)
{
	struct imap4_cmd *c = new_query(s, search_kind, q, o);
	return c == NULL ? NULL : cmd_submit(c);
}

static bool is_sort_key(int key)
{
	int name = key & ~IMAP4_SORT_REVERSE;
	return name >= IMAP4_SORT_ARRIVAL && name <= IMAP4_SORT_DISPLAYTO;
}

imap4_cmd *imap4_sort_start(imap4_session *s, const int *keys, size_t nkeys, const imap4_query *q,
	const imap4_query_opts *o)
{
	if (nkeys == 0 || nkeys > SORT_KEYS_MAX)
		return session_refuse(
			s, IMAP4_E_ARG, "SORT: no key, or more than %d", SORT_KEYS_MAX);
	for (size_t i = 0; i < nkeys; i++)
		if (!is_sort_key(keys[i]))
			return session_refuse(s, IMAP4_E_ARG, "SORT: no such key");
	struct imap4_cmd *c = new_query(s, sort_kind, q, o);
	if (c == NULL)
		return NULL;
	struct query_args *a = c->more;
	memcpy(a->sort, keys, nkeys * sizeof keys[0]);
	a->nsort = nkeys;
	return cmd_submit(c);
}

imap4_cmd *imap4_thread_start(
	imap4_session *s, const char *algorithm, const imap4_query *q, const imap4_query_opts *o)
{
	if (algorithm == NULL || strlen(algorithm) > ALGORITHM_MAX)
		return session_refuse(s, IMAP4_E_ARG, "THREAD: no such algorithm");
	struct imap4_cmd *c = new_query(s, thread_kind, q, o);
	if (c == NULL)
		return NULL;
	struct query_args *a = c->more;
	memcpy(a->algorithm, "THREAD=", sizeof "THREAD=");
	memcpy(a->algorithm + strlen("THREAD="), algorithm, strlen(algorithm) + 1);
	return cmd_submit(c);
}

/* ---- results --------------------------------------------------------------------------------------- */

/* Until it is complete, err is IMAP4_AGAIN. */
static bool succeeded(const imap4_cmd *c, const struct cmd_kind *kinds)
{
	return (c->kind == &kinds[0] || c->kind == &kinds[1]) && c->result.err == IMAP4_OK;
}

const imap4_sorted *imap4_cmd_sorted(const imap4_cmd *c)
{
	const struct sorted *s = c->outcome;
	return succeeded(c, sort_kind) && s != NULL ? &s->view : NULL;
}

const imap4_threads *imap4_cmd_threads(const imap4_cmd *c)
{
	const struct threads *t = c->outcome;
	return succeeded(c, thread_kind) && t != NULL ? &t->view : NULL;
}
