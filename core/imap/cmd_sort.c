/* SPDX-License-Identifier: MIT */
/*
 * cmd_sort.c -- SORT and THREAD for a query (RFC 5256; RETURN for SORT: RFC 5267 section 3).
 *
 * The plain answers do not name their command, so at most one of a kind is in flight, and what cannot be read whole makes
 * it fail. Those to an extended SORT: cmd_order.c.
 */
#include "core/imap/cmd_query.h"

#include <stdlib.h>

#include "core/base/text.h"

/* ---- sending --------------------------------------------------------------------------------------- */

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
		"TO", "DISPLAYFROM", "DISPLAYTO", "RELEVANCY"};
	(void)e;
	struct query_args *a = c->more;
	bool display = false, relevancy = false;
	enc_raw(&c->enc, c->kind->name);
	a->esearch = !a->plain &&
		(a->partial_first != 0 || (a->wanted != 0 && cmd_has(c, "ESORT", false)));
	if (a->esearch)
		query_encode_return(c, a);
	for (size_t i = 0; i < a->nsort; i++) {
		int key = a->sort[i] & ~IMAP4_SORT_REVERSE;
		enc_raw(&c->enc, i == 0 ? " (" : " ");
		enc_raw(&c->enc, (a->sort[i] & IMAP4_SORT_REVERSE) != 0 ? "REVERSE " : "");
		enc_raw(&c->enc, names[key]);
		display = display || key == IMAP4_SORT_DISPLAYFROM || key == IMAP4_SORT_DISPLAYTO;
		relevancy = relevancy || key == IMAP4_SORT_RELEVANCY;
	}
	enc_raw(&c->enc, ")");
	int r = encode_with_charset(c, a);
	if (r == 0 && !cmd_has(c, "SORT", false))
		return query_lacks(c, "SORT");
	if (r == 0 && relevancy && !cmd_has(c, "SEARCH=FUZZY", false))
		return query_lacks(c, "SEARCH=FUZZY");
	if (r == 0 && a->partial_first != 0 && !cmd_has(c, "CONTEXT=SORT", false))
		return query_lacks(c, "CONTEXT=SORT");
	return r == 0 && display && !cmd_has(c, "SORT=DISPLAY", false)
		? query_lacks(c, "SORT=DISPLAY")
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
	return query_lacks(c, shown);
}

/* ---- the answers ---------------------------------------------------------------------- */

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
	const struct query_args *a = c->more;
	if (a->esearch && imap4_data_kind(d) == IMAP4_DATA_ESEARCH)
		return search_claims(c, d);
	return is_named(d, "SORT");
}

static bool thread_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	(void)c;
	return is_named(d, "THREAD");
}

/* The answer to an extended one looks like that of a SEARCH when the server leaves the tag out. */
static bool sort_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	const struct query_args *a = c->more;
	bool extended = a->wanted != 0 || a->partial_first != 0;
	return other->kind->conflicts == sort_conflicts ||
		(extended && other->kind->conflicts == search_conflicts);
}

static bool thread_conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	(void)c;
	return other->kind->conflicts == thread_conflicts;
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

/* "(MODSEQ 917162500)" */
static void sort_modseq(imap4_numbers *v, const imap4_node *list)
{
	const imap4_node *name = imap4_node_child(list);
	imap4_str s = imap4_node_text(name);
	uint64_t n;
	if (slice_ieq_str(slice_of(s.ptr, s.len), "MODSEQ") &&
		imap4_node_u64(imap4_node_next(name), &n) && n <= INT64_MAX) {
		v->have |= IMAP4_HAVE_MODSEQ;
		v->modseq = n;
	}
}

/* "* SORT 2 84 882", with "(MODSEQ 917162500)" behind (RFC 7162 section 3.1.6, as for SEARCH). */
static int sort_take(struct imap4_cmd *c, const struct imap4_data *d, struct err *e)
{
	if (imap4_data_kind(d) == IMAP4_DATA_ESEARCH)
		return query_take_ordered(c, d, e);
	const imap4_node *root = imap4_data_root(d);
	if (resp_is_damaged(d) || root == NULL || c->outcome != NULL)
		return query_unreadable(c);
	struct query_ordered *s = result_memory(c, sizeof *s, sizeof s->at[0], root, e);
	if (s == NULL)
		return -1;
	s->view.at = s->at;
	for (const imap4_node *v = imap4_node_child(root); v != NULL; v = imap4_node_next(v)) {
		if (imap4_node_kind(v) == IMAP4_NODE_LIST) {
			sort_modseq(&c->numbers_view, v);
			continue;
		}
		if (!number_of(v, &s->at[s->view.n++]))
			return query_unreadable(c);
	}
	return 0;
}

static void sort_completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	static const struct uidset none = UIDSET_INIT;
	(void)tagged;
	const struct query_args *a = c->more;
	imap4_numbers *v = &c->numbers_view;
	bool empty = a->esearch && c->answered && c->outcome == NULL &&
		(a->wanted & IMAP4_WANT_ALL) != 0 && c->local == IMAP4_OK;
	if (empty) { /* RFC 4731 section 3.1: what matches nothing has no ALL */
		struct query_ordered *s = calloc(1, sizeof *s);
		if (s == NULL)
			cmd_fail_local(c, IMAP4_E_NOMEM, "out of memory for what the server sent");
		c->outcome = s;
		c->free_outcome = free;
	}
	v->set = &none;
	v->uid = a->by_uid;
	v->have &= ~(uint32_t)IMAP4_WANT_ALL;
	const struct query_ordered *s = c->outcome;
	if (s == NULL || a->partial_first != 0)
		return;
	v->count = s->view.n;
	v->min = v->count > 0 ? s->at[0] : 0;
	v->max = v->count > 0 ? s->at[v->count - 1] : 0;
	v->have |= IMAP4_WANT_COUNT | (v->count > 0 ? IMAP4_WANT_MIN | IMAP4_WANT_MAX : 0);
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
		return query_unreadable(c);
	/* A node for each list and each number: the ones for messages that are not there stand for their list. */
	struct threads *t = result_memory(c, sizeof *t, sizeof t->at[0], root, e);
	if (t == NULL)
		return -1;
	t->view.at = t->at;
	for (const imap4_node *v = imap4_node_child(root); v != NULL; v = imap4_node_next(v))
		if (imap4_node_kind(v) != IMAP4_NODE_LIST || !read_thread(t, v, IMAP4_THREAD_ROOT))
			return query_unreadable(c);
	return 0;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* by message number, by UID */
#define SORT_KIND(text)                                                                            \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = sort_claims, .take = sort_take,    \
		.encode = sort_encode, .conflicts = sort_conflicts, .completed = sort_completed    \
	}
#define THREAD_KIND(text)                                                                          \
	{                                                                                          \
		.name = (text), .flags = QUERY_FLAGS, .claims = thread_claims,                     \
		.take = thread_take, .encode = thread_encode, .conflicts = thread_conflicts        \
	}

static const struct cmd_kind sort_kind[] = {SORT_KIND("SORT"), SORT_KIND("UID SORT")};
static const struct cmd_kind thread_kind[] = {THREAD_KIND("THREAD"), THREAD_KIND("UID THREAD")};

static bool is_sort_key(int key)
{
	int name = key & ~IMAP4_SORT_REVERSE;
	return name >= IMAP4_SORT_ARRIVAL && name <= IMAP4_SORT_RELEVANCY;
}

imap4_cmd *imap4_sort_start(imap4_session *s, const int *keys, size_t nkeys, const imap4_query *q,
	const imap4_query_opts *o)
{
	if (nkeys == 0 || nkeys > SORT_KEYS_MAX)
		return session_refuse(
			s, IMAP4_E_ARG, "SORT: no key, or more than %d", SORT_KEYS_MAX);
	bool fuzzy = q != NULL && (q->needs & QUERY_FUZZY) != 0;
	for (size_t i = 0; i < nkeys; i++) {
		if (!is_sort_key(keys[i]))
			return session_refuse(s, IMAP4_E_ARG, "SORT: no such key");
		/* RFC 6203 section 6 */
		if ((keys[i] & ~IMAP4_SORT_REVERSE) == IMAP4_SORT_RELEVANCY && !fuzzy)
			return session_refuse(
				s, IMAP4_E_ARG, "SORT: only a fuzzy condition has relevancy");
	}
	struct imap4_cmd *c = query_new(s, sort_kind, QUERY_SORT, q, o);
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
	struct imap4_cmd *c = query_new(s, thread_kind, QUERY_THREAD, q, o);
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
	const struct query_ordered *s = c->outcome;
	return succeeded(c, sort_kind) && s != NULL ? &s->view : NULL;
}

const imap4_scores *imap4_cmd_scores(const imap4_cmd *c)
{
	bool is_query = c->kind->take == sort_take || c->kind->conflicts == search_conflicts;
	const struct query_ordered *s = c->result.err == IMAP4_OK && is_query ? c->outcome : NULL;
	return s != NULL && s->scores.number != NULL ? &s->scores : NULL;
}

const imap4_threads *imap4_cmd_threads(const imap4_cmd *c)
{
	const struct threads *t = c->outcome;
	return succeeded(c, thread_kind) && t != NULL ? &t->view : NULL;
}
