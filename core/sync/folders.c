/* SPDX-License-Identifier: MIT */
/*
 * folders.c -- the list of mailboxes with their STATUS.
 *
 * Servers refuse options they advertise, drop STATUS lines, list names twice, and forget INBOX, so
 * the list is gathered in steps, each of which mends what the one before left open: extended LIST,
 * plainer LISTs, names outside of "*" (other namespaces), LSUB, INBOX, STATUS for each that has
 * none.
 */
#include "core/sync/folders.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/text.h"
#include "core/sync/connect.h"
#include "core/sync/limits.h"

#define NAME_TEXT_MAX	   8192
#define ATTRIBUTE_TEXT_MAX 8192

struct gather {
	imap4_session *session;
	const struct sync_account *account;
	unsigned options;
	uint32_t items; /* STATUS items */
	struct sync_folder *at;
	size_t n, cap;
	/* STATUS lines whose LIST line was not the one just before */
	struct sync_folder *late;
	size_t nlate, late_cap;
	bool complete;
};

static void folder_release(struct sync_folder *f)
{
	buf_release(&f->wire);
	buf_release(&f->name);
	buf_release(&f->attributes);
	buf_release(&f->refusal);
}

static void array_release(struct sync_folder *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		folder_release(&at[i]);
	free(at);
}

void sync_folders_release(struct sync_folders *f)
{
	array_release(f->at, f->n);
	f->at = NULL;
	f->n = 0;
}

static int by_bytes_wire(const void *a, const void *b)
{
	const struct sync_folder *x = a, *y = b;
	return slice_cmp(buf_slice(&x->wire), buf_slice(&y->wire));
}

static struct slice canonical(imap4_str name)
{
	struct slice s = slice_of(name.ptr, name.len);
	return mailbox_is_inbox(s) ? slice_str("INBOX") : s;
}

/* A new entry at the end of one of the two arrays; NULL: *e is set. */
static struct sync_folder *append(
	struct sync_folder **at, size_t *n, size_t *cap, struct slice wire, struct err *e)
{
	if (*n >= SYNC_MAILBOXES_MAX) {
		err_set(e, ERR_ACCOUNT, E_LIMIT, "the server lists more than %d mailboxes",
			SYNC_MAILBOXES_MAX);
		return NULL;
	}
	if (*n == *cap) {
		size_t more = *cap > 0 ? *cap * 2 : 64;
		struct sync_folder *grown = realloc(*at, more * sizeof **at);
		if (grown == NULL) {
			err_nomem(e, "listing mailboxes");
			return NULL;
		}
		*at = grown;
		*cap = more;
	}
	struct sync_folder *f = &(*at)[*n];
	memset(f, 0, sizeof *f);
	buf_init(&f->wire, NAME_TEXT_MAX);
	buf_init(&f->name, NAME_TEXT_MAX);
	buf_init(&f->attributes, ATTRIBUTE_TEXT_MAX);
	buf_init(&f->refusal, ERR_TEXT_MAX);
	buf_add_slice(&f->wire, wire);
	if (buf_check(&f->wire, "a mailbox name", e) != 0) {
		folder_release(f);
		err_widen(e, ERR_ACCOUNT);
		return NULL;
	}
	(*n)++;
	return f;
}

/* ---- one LIST line --------------------------------------------------------------------------- */

/* Not properties of the mailbox: \Marked comes and goes with mail, \Subscribed has a field of
 * its own. */
static bool is_passing(struct slice attribute)
{
	return slice_ieq_str(attribute, "\\Marked") || slice_ieq_str(attribute, "\\Unmarked") ||
		slice_ieq_str(attribute, "\\Subscribed");
}

static int by_bytes(const void *a, const void *b)
{
	return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static int set_attributes(struct sync_folder *f, const imap4_list *l, struct err *e)
{
	struct slice *sorted = calloc(l->nattributes + 1, sizeof *sorted);
	size_t n = 0;
	if (sorted == NULL)
		return err_nomem(e, "listing mailboxes");
	for (size_t i = 0; i < l->nattributes; i++) {
		struct slice a = slice_of(l->attributes[i].ptr, l->attributes[i].len);
		if (a.n > 0 && !is_passing(a))
			sorted[n++] = a;
	}
	qsort(sorted, n, sizeof *sorted, by_bytes);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_byte(&f->attributes, ' ');
		buf_add_slice(&f->attributes, sorted[i]);
	}
	free(sorted);
	if (buf_check(&f->attributes, "the attributes of a mailbox", e) != 0)
		return err_widen(e, ERR_ACCOUNT);
	return 0;
}

static int describe(struct gather *g, struct sync_folder *f, struct err *e)
{
	/* What cannot be decoded is shown as it is: the wire name is what identifies a mailbox. */
	if (!mutf7_decode(buf_slice(&f->wire), &f->name)) {
		buf_clear(&f->name);
		buf_add_slice(&f->name, buf_slice(&f->wire));
	}
	f->selected = sync_selects(g->account, buf_slice(&f->name), f->delimiter,
			      buf_slice(&f->attributes)) &&
		(!g->account->subscribed_only || f->subscribed ||
			mailbox_is_inbox(buf_slice(&f->wire)));
	if (buf_check(&f->name, "a mailbox name", e) != 0)
		return err_widen(e, ERR_ACCOUNT);
	return 0;
}

static int take_list(struct gather *g, const imap4_list *l, struct err *e)
{
	struct slice wire = canonical(l->name);
	if (wire.n == 0)
		return 0; /* LIST "" "" style answer: the delimiter only */
	struct sync_folder *f = append(&g->at, &g->n, &g->cap, wire, e);
	if (f == NULL)
		return -1;
	f->delimiter = l->delimiter;
	f->selectable = (l->attrs & (IMAP4_LIST_NOSELECT | IMAP4_LIST_NONEXISTENT)) == 0;
	f->subscribed = (l->attrs & IMAP4_LIST_SUBSCRIBED) != 0;
	return set_attributes(f, l, e);
}

static void take_numbers(struct sync_folder *f, const imap4_status *st)
{
	f->have |= st->have;
	if (st->have & IMAP4_ST_MESSAGES)
		f->messages = st->messages;
	if (st->have & IMAP4_ST_UIDNEXT)
		f->uidnext = st->uidnext;
	if (st->have & IMAP4_ST_UIDVALIDITY)
		f->uidvalidity = st->uidvalidity;
	if (st->have & IMAP4_ST_HIGHESTMODSEQ)
		f->highestmodseq = st->highestmodseq;
	if (st->have & IMAP4_ST_SIZE)
		f->size = st->size;
}

static int take_status(struct gather *g, const imap4_status *st, struct err *e)
{
	struct slice wire = canonical(st->mailbox);
	if (g->n > 0 && slice_eq(buf_slice(&g->at[g->n - 1].wire), wire)) {
		take_numbers(&g->at[g->n - 1], st);
		return 0;
	}
	if (wire.n == 0)
		return 0;
	struct sync_folder *f = append(&g->late, &g->nlate, &g->late_cap, wire, e);
	if (f == NULL)
		return -1;
	take_numbers(f, st);
	return 0;
}

static int take_data(void *ctx, imap4_cmd *c, struct err *e)
{
	struct gather *g = ctx;
	const imap4_data *d;
	while ((d = imap4_cmd_next(c)) != NULL) {
		const imap4_list *l = imap4_data_list(d);
		const imap4_status *st = imap4_data_status(d);
		if (l != NULL && take_list(g, l, e) != 0)
			return -1;
		if (st != NULL && take_status(g, st, e) != 0)
			return -1;
	}
	return 0;
}

/* ---- LIST ------------------------------------------------------------------------------------ */

static bool was_refused(const struct err *e)
{
	return e->scope <= ERR_MAILBOX &&
		(e->code == E_NO || e->code == E_BAD || e->code == E_INVALID);
}

static bool offers(const struct gather *g, const char *extension)
{
	return account_uses_rev2(g->account, g->session, extension);
}

/* What a command that was refused had listed counts for nothing. */
static void forget_since(struct gather *g, size_t n, size_t nlate)
{
	while (g->n > n)
		folder_release(&g->at[--g->n]);
	while (g->nlate > nlate)
		folder_release(&g->late[--g->nlate]);
}

static int run_list(struct gather *g, imap4_cmd *c, const char *what, struct err *e)
{
	const size_t n = g->n, nlate = g->nlate;
	int rc = sync_wait_taking(g->session, c, ERR_MAILBOX, what, take_data, g, e);
	if (rc != 0)
		forget_since(g, n, nlate);
	imap4_cmd_free(c);
	return rc;
}

static int list_once(struct gather *g, const char *pattern, uint32_t ret, uint32_t items,
	bool plain, struct err *e)
{
	const imap4_list_opts o = {
		.struct_size = sizeof o, .ret = ret, .status_items = items, .plain = plain};
	return run_list(g, imap4_list_start(g->session, "", &pattern, 1, &o), NULL, e);
}

/* The best LIST the server accepts (it may refuse what it advertises). *subscribed: it told what
 * is subscribed. */
static int list_all(struct gather *g, bool *subscribed, struct err *e)
{
	static const uint32_t rungs[] = {
		IMAP4_RET_SUBSCRIBED | IMAP4_RET_CHILDREN | IMAP4_RET_SPECIAL_USE,
		IMAP4_RET_SUBSCRIBED, 0};
	uint32_t items = offers(g, "LIST-STATUS") ? g->items : 0;
	*subscribed = false;
	for (size_t i = 0; offers(g, "LIST-EXTENDED") && i < sizeof rungs / sizeof rungs[0]; i++) {
		if (rungs[i] == 0 && items == 0)
			break; /* that is the plain one */
		if (list_once(g, "*", rungs[i], items, false, e) == 0) {
			*subscribed = (rungs[i] & IMAP4_RET_SUBSCRIBED) != 0;
			if (g->n > 0)
				return 0;
			break; /* nothing at all: seen where the plain command lists everything */
		}
		if (!was_refused(e))
			return -1;
		err_clear(e);
	}
	return list_once(g, "*", 0, 0, true, e);
}

static int mark_subscribed(struct gather *g, struct err *e)
{
	struct gather lsub = {.session = g->session, .account = g->account};
	int rc = run_list(&lsub, imap4_lsub_start(g->session, "", "*"), NULL, e);
	if (rc != 0 && was_refused(e)) {
		err_clear(e); /* IMAP4rev2 has no LSUB; then nothing is known to be subscribed */
		rc = 0;
	}
	/* A subscription may name a mailbox that does not exist: such names are not added. */
	if (lsub.n > 0)
		qsort(lsub.at, lsub.n, sizeof *lsub.at, by_bytes_wire);
	for (size_t i = 0, k = 0; rc == 0 && i < g->n; i++) {
		while (k < lsub.n &&
			slice_cmp(buf_slice(&lsub.at[k].wire), buf_slice(&g->at[i].wire)) < 0)
			k++;
		if (k < lsub.n && slice_eq(buf_slice(&lsub.at[k].wire), buf_slice(&g->at[i].wire)))
			g->at[i].subscribed = true;
	}
	array_release(lsub.at, lsub.n);
	array_release(lsub.late, lsub.nlate);
	return rc;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static bool sees_prefix(const struct gather *g, struct slice prefix)
{
	for (size_t i = 0; i < g->n; i++) {
		struct slice w = buf_slice(&g->at[i].wire);
		if (w.n >= prefix.n && memcmp(w.p, prefix.p, prefix.n) == 0)
			return true;
	}
	return false;
}

/* LIST "" "*" need not show what lies under another prefix (RFC 2342 section 5). */
static int list_namespace(struct gather *g, const imap4_namespace *ns, struct err *e)
{
	struct slice prefix = slice_of(ns->prefix.ptr, ns->prefix.len);
	struct buf pattern = BUF_INIT(NAME_TEXT_MAX);
	if (prefix.n == 0 || memchr(prefix.p, '*', prefix.n) != NULL ||
		memchr(prefix.p, '%', prefix.n) != NULL ||
		memchr(prefix.p, '\0', prefix.n) != NULL || sees_prefix(g, prefix))
		return 0;
	buf_add_slice(&pattern, prefix);
	buf_add_byte(&pattern, '*');
	int rc = buf_check(&pattern, "a namespace prefix", e);
	if (rc == 0)
		rc = list_once(g, buf_str(&pattern), 0, 0, true, e);
	buf_release(&pattern);
	if (rc != 0 && e->scope <= ERR_MAILBOX) {
		g->complete = false;
		err_clear(e);
		rc = 0;
	}
	return rc;
}

static int list_namespaces(struct gather *g, imap4_cmd *c, struct err *e)
{
	if (sync_wait(g->session, c, ERR_MAILBOX, NULL, e) != 0) {
		if (!was_refused(e))
			return -1;
		err_clear(e); /* a server that refuses NAMESPACE has one that "*" shows */
		return 0;
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		const imap4_namespace *ns;
		for (size_t i = 0; (ns = imap4_data_namespace(d, i)) != NULL; i++)
			if (list_namespace(g, ns, e) != 0)
				return -1;
	}
	return 0;
}

/* ---- merging --------------------------------------------------------------------------------- */

static void merge_into(struct sync_folder *to, struct sync_folder *from)
{
	to->selectable = to->selectable || from->selectable;
	to->subscribed = to->subscribed || from->subscribed;
	if (from->attributes.len > to->attributes.len) {
		struct buf more = from->attributes;
		from->attributes = to->attributes;
		to->attributes = more;
	}
	if (to->have == 0 && from->have != 0) {
		to->have = from->have;
		to->messages = from->messages;
		to->uidnext = from->uidnext;
		to->uidvalidity = from->uidvalidity;
		to->highestmodseq = from->highestmodseq;
		to->size = from->size;
	}
	folder_release(from);
}

/* Sort by wire name; equal names become one. */
static void merge(struct gather *g)
{
	size_t kept = 0;
	if (g->n == 0)
		return;
	qsort(g->at, g->n, sizeof *g->at, by_bytes_wire);
	for (size_t i = 1; i < g->n; i++) {
		if (slice_eq(buf_slice(&g->at[kept].wire), buf_slice(&g->at[i].wire)))
			merge_into(&g->at[kept], &g->at[i]);
		else
			g->at[++kept] = g->at[i];
	}
	g->n = kept + 1;
}

static struct sync_folder *find_sorted(struct gather *g, struct slice wire)
{
	size_t lo = 0, hi = g->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int order = slice_cmp(buf_slice(&g->at[mid].wire), wire);
		if (order == 0)
			return &g->at[mid];
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static void resolve_late(struct gather *g)
{
	for (size_t i = 0; i < g->nlate; i++) {
		struct sync_folder *f = find_sorted(g, buf_slice(&g->late[i].wire));
		if (f != NULL && f->have == 0) {
			struct buf none = BUF_INIT(0);
			g->late[i].attributes = none;
			merge_into(f, &g->late[i]);
		} else {
			folder_release(&g->late[i]);
		}
	}
	g->nlate = 0;
}

/* ---- STATUS one by one ----------------------------------------------------------------------- */

static int set_refusal(struct sync_folder *f, struct err *e)
{
	buf_add_str(&f->refusal, e->text);
	err_clear(e);
	return buf_check(&f->refusal, "why there is no status", e);
}

static int finish_status(struct gather *g, struct sync_folder *f, imap4_cmd *c, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	text_show(shown, sizeof shown, buf_slice(&f->name));
	if (sync_wait(g->session, c, ERR_MAILBOX, shown, e) != 0) {
		if (e->scope > ERR_MAILBOX)
			return -1;
		return set_refusal(f, e);
	}
	for (const imap4_data *d; (d = imap4_cmd_next(c)) != NULL;) {
		const imap4_status *st = imap4_data_status(d);
		if (st != NULL)
			take_numbers(f, st);
	}
	return 0;
}

static bool lacks_status(const struct gather *g, const struct sync_folder *f)
{
	const uint32_t needed = IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY;
	return f->selectable && (f->have & needed) != needed &&
		(f->selected || (g->options & FOLDERS_SELECTED) == 0);
}

struct asked {
	imap4_cmd *cmd;
	struct sync_folder *of;
};

/* Mailboxes that were asked about and not answered yet, in order. */
struct window {
	struct asked at[SYNC_STATUS_WINDOW]; /* a ring */
	size_t first, n;
	size_t next; /* the mailbox to be looked at next */
};

/* Ask about as many more as there is room for. */
static int fill_window(struct gather *g, struct window *w, struct err *e)
{
	for (; w->next < g->n && w->n < SYNC_STATUS_WINDOW; w->next++) {
		struct sync_folder *f = &g->at[w->next];
		if (!lacks_status(g, f))
			continue;
		const imap4_str wire = {buf_str(&f->wire), f->wire.len};
		imap4_cmd *c = imap4_status_start(g->session, wire, g->items);
		if (c != NULL) {
			w->at[(w->first + w->n++) % SYNC_STATUS_WINDOW] = (struct asked){c, f};
			continue;
		}
		sync_err_last(e, ERR_MAILBOX, g->session, NULL);
		if (e->scope > ERR_MAILBOX || set_refusal(f, e) != 0)
			return -1;
	}
	return 0;
}

/* Pipelined. Each answer makes room for a question, so the line is never empty between two windows. */
static int ask_status(struct gather *g, struct err *e)
{
	struct window w = {.n = 0};
	int rc = fill_window(g, &w, e);
	while (w.n > 0) {
		const struct asked a = w.at[w.first];
		w.first = (w.first + 1) % SYNC_STATUS_WINDOW;
		w.n--;
		if (rc == 0)
			rc = finish_status(g, a.of, a.cmd, e);
		imap4_cmd_free(a.cmd);
		if (rc == 0)
			rc = fill_window(g, &w, e);
	}
	return rc;
}

/* ---- INBOX ----------------------------------------------------------------------------------- */

/* INBOX exists for every user (RFC 9051 section 5.1), whatever LIST says (strato.de). */
static int add_inbox(struct gather *g, struct err *e)
{
	const imap4_str inbox = {"INBOX", 5};
	if (find_sorted(g, slice_str("INBOX")) != NULL)
		return 0;
	imap4_cmd *c = imap4_select_start(g->session, inbox, NULL);
	int rc = sync_wait(g->session, c, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(c);
	if (rc != 0) {
		if (e->scope > ERR_MAILBOX)
			return -1;
		err_clear(e);
		return 0;
	}
	struct sync_folder *f = append(&g->at, &g->n, &g->cap, slice_str("INBOX"), e);
	if (f == NULL)
		return -1;
	f->selectable = true;
	merge(g);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct sync_folder *x = a, *y = b;
	bool xi = mailbox_is_inbox(buf_slice(&x->wire)), yi = mailbox_is_inbox(buf_slice(&y->wire));
	if (xi != yi)
		return xi ? -1 : 1;
	int order = slice_cmp(buf_slice(&x->name), buf_slice(&y->name));
	return order != 0 ? order : by_bytes_wire(a, b);
}

bool folder_has_attribute(const struct sync_folder *f, const char *attribute)
{
	size_t at = 0;
	struct slice word;
	while (mail_flags_next(buf_slice(&f->attributes), &at, &word))
		if (slice_ieq_str(word, attribute))
			return true;
	return false;
}

/* Where every message of the account is, and those that are nowhere else: behind them the others bring nothing new. */
static int rank(const struct sync_folder *f)
{
	static const char *const first[] = {"\\All", "\\Junk", "\\Trash"};
	const int others = (int)(sizeof first / sizeof first[0]);
	for (int i = 0; i < others; i++)
		if (folder_has_attribute(f, first[i]))
			return i;
	return others;
}

static int by_rank(const void *a, const void *b)
{
	int x = rank(a), y = rank(b);
	return x != y ? x - y : by_name(a, b);
}

/* With ids a message is fetched once: from the mailbox that is looked at first. */
static bool ranks(const struct gather *g)
{
	bool all = false;
	for (size_t i = 0; i < g->n; i++)
		all = all || (g->at[i].selected && folder_has_attribute(&g->at[i], "\\All"));
	return all && (g->options & FOLDERS_SELECTED) != 0 &&
		account_has_ids(g->account, g->session);
}

static int gather_names(struct gather *g, struct err *e)
{
	bool subscribed;
	imap4_cmd *ns = NULL;
	/* Sent in the same flight as LIST. */
	if ((g->options & FOLDERS_NO_NAMESPACE) == 0 &&
		account_uses(g->account, g->session, "NAMESPACE"))
		ns = imap4_namespace_start(g->session);
	int rc = list_all(g, &subscribed, e);
	if (rc == 0 && ns != NULL)
		rc = list_namespaces(g, ns, e);
	imap4_cmd_free(ns);
	if (rc != 0)
		return -1;
	merge(g);
	if (!subscribed && mark_subscribed(g, e) != 0)
		return -1;
	resolve_late(g);
	return add_inbox(g, e);
}

int folders_gather(imap4_session *s, const struct sync_account *a, unsigned options,
	struct sync_folders *out, bool *complete, struct err *e)
{
	struct gather g = {.session = s, .account = a, .options = options, .complete = true};
	g.items = IMAP4_ST_MESSAGES | IMAP4_ST_UIDNEXT | IMAP4_ST_UIDVALIDITY;
	if (account_uses(a, s, "CONDSTORE") || account_uses(a, s, "QRESYNC"))
		g.items |= IMAP4_ST_HIGHESTMODSEQ;
	if ((options & FOLDERS_SIZE) && account_uses(a, s, "STATUS=SIZE"))
		g.items |= IMAP4_ST_SIZE;
	out->at = NULL;
	out->n = 0;
	int rc = gather_names(&g, e);
	for (size_t i = 0; rc == 0 && i < g.n; i++)
		rc = describe(&g, &g.at[i], e);
	if (rc == 0)
		rc = ask_status(&g, e);
	array_release(g.late, g.nlate);
	if (rc != 0) {
		array_release(g.at, g.n);
		return -1;
	}
	if (g.n > 0)
		qsort(g.at, g.n, sizeof *g.at, ranks(&g) ? by_rank : by_name);
	out->at = g.at;
	out->n = g.n;
	*complete = g.complete;
	return 0;
}

int sync_folders_remote(imap4_session *s, const struct sync_account *a, bool with_size,
	struct sync_folders *out, struct err *e)
{
	bool complete;
	return folders_gather(s, a, with_size ? FOLDERS_SIZE : 0, out, &complete, e);
}
