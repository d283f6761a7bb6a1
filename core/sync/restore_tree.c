/* SPDX-License-Identifier: MIT */
/*
 * restore_tree.c -- names on the target: the levels of a folder's name stay, delimiter and namespace are the target's.
 *
 * An existing folder of the same special use is preferred to one of the same name, so that "Sent" of one provider ends
 * in "Sent Items" of the other; not when the person says where things go (--map, --folder-prefix).
 *
 * A folder is created by its whole name: the levels above it that do not exist are made by the server (RFC 9051
 * section 6.3.4: it SHOULD), and are not turned into folders of their own by that. Only where the server refuses they are
 * made one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/folders.h"
#include "core/sync/restore_internal.h"

#define NAME_MAX_BYTES 4096

/* \All, \Flagged and \Important are views of other folders on the servers that have them: never made. */
static const char *const uses[] = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};

/* ---- the target ------------------------------------------------------------------------------------ */

static int take_namespace(struct restore *r, imap4_session *s, imap4_cmd *c, struct err *e)
{
	int rc = sync_wait(s, c, ERR_CONNECTION, "NAMESPACE", e);
	const imap4_data *d = rc == 0 ? imap4_cmd_next(c) : NULL;
	const imap4_namespace *ns = d != NULL ? imap4_data_namespace(d, 0) : NULL;
	if (ns != NULL && ns->kind == 0) {
		buf_add(&r->prefix, ns->prefix.ptr, ns->prefix.len);
		r->delimiter = ns->delimiter;
	}
	/* A server that refuses it has one without a prefix. */
	if (rc != 0 && (e->code == E_NO || e->code == E_BAD)) {
		err_clear(e);
		rc = 0;
	}
	return rc == 0 ? buf_check(&r->prefix, "the namespace", e) : -1;
}

int tree_read(struct restore *r, struct restore_link *link, struct err *e)
{
	/* No folder is selected: their numbers are of no interest here. */
	char nothing[] = "\\", *patterns[] = {nothing};
	struct sync_account a = *r->account;
	bool complete = false;
	a.folders = (struct sync_patterns){patterns, 1};
	a.exclude = (struct sync_patterns){NULL, 0};
	a.subscribed_only = false;
	sync_folders_release(&r->remote);
	buf_clear(&r->prefix);
	r->delimiter = '\0';
	/* Both are on their way together. */
	imap4_session *s = link->dial.session;
	bool ask = account_uses(r->account, s, "NAMESPACE");
	imap4_cmd *c = ask ? imap4_namespace_start(s) : NULL;
	int rc = folders_gather(s, &a, FOLDERS_SELECTED, &r->remote, &complete, e);
	if (rc == 0 && ask)
		rc = take_namespace(r, s, c, e);
	imap4_cmd_free(c);
	if (rc != 0)
		return -1;
	for (size_t i = 0; i < r->remote.n && r->delimiter == '\0'; i++)
		r->delimiter = r->remote.at[i].delimiter;
	r->stale = false;
	return 0;
}

static const struct sync_folder *find(const struct restore *r, struct slice wire)
{
	for (size_t i = 0; i < r->remote.n; i++) {
		struct slice have = buf_slice(&r->remote.at[i].wire);
		if (slice_eq(have, wire) || (mailbox_is_inbox(have) && mailbox_is_inbox(wire)))
			return &r->remote.at[i];
	}
	return NULL;
}

static bool has_attribute(struct slice attributes, const char *name)
{
	size_t at = 0;
	struct slice word;
	while (mail_flags_next(attributes, &at, &word))
		if (slice_ieq_str(word, name))
			return true;
	return false;
}

static const struct sync_folder *find_use(const struct restore *r, const char *use)
{
	for (size_t i = 0; i < r->remote.n; i++)
		if (r->remote.at[i].selectable &&
			has_attribute(buf_slice(&r->remote.at[i].attributes), use))
			return &r->remote.at[i];
	return NULL;
}

/* ---- names ----------------------------------------------------------------------------------------- */

/* The first level of *name, which is taken off. false when nothing is left. */
static bool next_level(struct slice *name, char delimiter, struct slice *level)
{
	if (name->n == 0)
		return false;
	const unsigned char *end = delimiter != '\0' ? memchr(name->p, delimiter, name->n) : NULL;
	size_t n = end != NULL ? (size_t)(end - name->p) : name->n;
	*level = slice_of(name->p, n);
	*name = end != NULL ? slice_of(end + 1, name->n - n - 1) : SLICE_NONE;
	return true;
}

static int add_levels(struct restore_folder *f, struct slice name, char delimiter, struct err *e)
{
	char to = f->r->delimiter;
	struct slice level;
	while (next_level(&name, delimiter, &level)) {
		if (level.n == 0)
			continue;
		if (f->wire.len > 0 && to == '\0')
			return err_set(e, ERR_MAILBOX, E_INVALID,
				"the server has no folders within folders");
		if (f->wire.len > 0)
			buf_add_byte(&f->wire, (unsigned char)to);
		/* A delimiter within a level would make it two. */
		for (size_t i = 0; i < level.n; i++)
			buf_add_byte(&f->wire, to != '\0' && level.p[i] == to ? '_' : level.p[i]);
	}
	return buf_check(&f->wire, "the name of a folder", e);
}

/* A name that a person wrote. */
static int add_given(struct restore_folder *f, const char *given, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire = BUF_INIT(NAME_MAX_BYTES);
	int rc = 0;
	if (!mutf7_encode(slice_str(given), &wire))
		rc = err_set(e, ERR_USAGE, E_USAGE, "\"%s\" cannot be the name of a folder",
			text_show(shown, sizeof shown, slice_str(given)));
	else
		rc = add_levels(f, buf_slice(&wire), '/', e);
	buf_release(&wire);
	return rc;
}

/* Is `given` (UTF-8, '/') the folder or one of its parents? *rest is what is below. */
static bool is_below(struct slice wire, char delimiter, const char *given, struct slice *rest)
{
	struct buf want = BUF_INIT(NAME_MAX_BYTES);
	bool same = mutf7_encode(slice_str(given), &want) && want.len > 0;
	struct slice left = buf_slice(&want), a, b;
	*rest = wire;
	while (same && next_level(&left, '/', &a))
		same = next_level(rest, delimiter, &b) &&
			(slice_eq(a, b) || (mailbox_is_inbox(a) && mailbox_is_inbox(b)));
	buf_release(&want);
	return same;
}

static const struct restore_map *find_map(
	const struct restore *r, const struct origin_folder *from, struct slice *rest)
{
	for (size_t i = 0; i < r->options->nmap; i++)
		if (is_below(
			    buf_slice(&from->wire), from->delimiter, r->options->map[i].from, rest))
			return &r->options->map[i];
	return NULL;
}

/* Without the INBOX that some servers put above everything. */
static struct slice own_name(const struct restore *r, const struct origin_folder *from)
{
	struct slice name = buf_slice(&from->wire), level, rest = name;
	if (r->origin->all_below_inbox && next_level(&rest, from->delimiter, &level) && rest.n > 0)
		return rest;
	return name;
}

static void add_prefix(struct restore_folder *f)
{
	struct slice p = buf_slice(&f->r->prefix);
	char delimiter = f->r->delimiter;
	if (p.n > 0 && delimiter != '\0' && p.p[p.n - 1] == delimiter)
		p.n--;
	buf_add_slice(&f->wire, p);
}

static int make_name(struct restore_folder *f, bool *given, struct err *e)
{
	const struct restore *r = f->r;
	const struct origin_folder *from = &f->from;
	struct slice rest = SLICE_NONE;
	const char *below = r->options->folder_prefix;
	const struct restore_map *map = find_map(r, from, &rest);
	struct slice first = map != NULL ? slice_str(map->to) : buf_slice(&from->wire);
	*given = below != NULL || map != NULL;
	buf_clear(&f->wire);
	/* INBOX stands outside of the namespace, whatever its prefix (RFC 2342 section 5). */
	if (below != NULL || !mailbox_is_inbox(first))
		add_prefix(f);
	if (below != NULL && add_given(f, below, e) != 0)
		return -1;
	if (map == NULL)
		return add_levels(f, own_name(r, from), from->delimiter, e);
	if (add_given(f, map->to, e) != 0)
		return -1;
	return add_levels(f, rest, from->delimiter, e);
}

static int prefer_use(struct restore_folder *f, struct err *e)
{
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		if (!has_attribute(buf_slice(&f->from.attributes), uses[i]))
			continue;
		const struct sync_folder *there = find_use(f->r, uses[i]);
		if (there == NULL) {
			buf_add_str(&f->special, uses[i]);
			return buf_check(&f->special, "a special use", e);
		}
		buf_clear(&f->wire);
		buf_add_slice(&f->wire, buf_slice(&there->wire));
		return buf_check(&f->wire, "the name of a folder", e);
	}
	return 0;
}

int tree_target(struct restore_folder *f, struct err *e)
{
	bool given;
	buf_clear(&f->special);
	if (make_name(f, &given, e) != 0)
		return -1;
	if (!given && prefer_use(f, e) != 0)
		return -1;
	const struct sync_folder *there = find(f->r, buf_slice(&f->wire));
	f->exists = there != NULL && there->selectable;
	f->subscribe = !f->r->options->rehearsal && f->from.subscribed &&
		(there == NULL || !there->subscribed);
	return 0;
}

/* ---- several at a time ----------------------------------------------------------------------------- */

static bool is_under(const struct restore_folder *child, const struct restore_folder *parent)
{
	struct slice c = buf_slice(&child->wire), p = buf_slice(&parent->wire);
	char delimiter = child->r->delimiter;
	return delimiter != '\0' && c.n > p.n && c.p[p.n] == (unsigned char)delimiter &&
		slice_eq(slice_of(c.p, p.n), p);
}

bool tree_conflict(const struct restore_folder *f, const struct restore_folder *other)
{
	struct slice a = buf_slice(&f->wire), b = buf_slice(&other->wire);
	if (slice_eq(a, b) || (mailbox_is_inbox(a) && mailbox_is_inbox(b)))
		return true;
	if (other->exists)
		return false;
	return is_under(f, other) || is_under(other, f) ||
		(f->special.len > 0 &&
			slice_eq(buf_slice(&f->special), buf_slice(&other->special)));
}

/* ---- making ---------------------------------------------------------------------------------------- */

static int make_itself(struct restore_folder *f, struct err *e);
static int make_parents(struct restore_folder *f, struct err *e);

/* It is in the list from now on. */
static int remember(struct restore *r, struct slice wire, const char *use, struct err *e)
{
	struct sync_folder *at = realloc(r->remote.at, (r->remote.n + 1) * sizeof *at);
	if (at == NULL)
		return err_nomem(e, "the list of folders");
	r->remote.at = at;
	struct sync_folder *f = &at[r->remote.n++];
	*f = (struct sync_folder){.wire = BUF_INIT(NAME_MAX_BYTES),
		.name = BUF_INIT(NAME_MAX_BYTES),
		.attributes = BUF_INIT(NAME_MAX_BYTES),
		.delimiter = r->delimiter,
		.selectable = true};
	buf_add_slice(&f->wire, wire);
	buf_add_str(&f->attributes, use);
	return buf_check(&f->wire, "the name of a folder", e);
}

/* CREATE of the first n octets of the name. */
static int create(struct restore_folder *f, size_t n, const char *use, restore_step_fn *next)
{
	const imap4_str name = {buf_str(&f->wire), n};
	f->making = n;
	f->cmd = imap4_create_start(restore_session(f), name, use);
	f->step = next;
	return 1;
}

void tree_may_be_made(struct restore_folder *f)
{
	const struct restore_options *o = f->r->options;
	if (f->making > 0 && o->made != NULL)
		o->made(o->ctx, slice_of(f->wire.data, f->making), f->r->delimiter);
	f->making = 0;
}

/* It is there already: as good as made. */
static bool is_there(const imap4_cmd *c)
{
	return c != NULL && imap4_cmd_done(c) && imap4_cmd_result(c)->err == IMAP4_E_NO &&
		imap4_cmd_result(c)->code == IMAP4_CODE_ALREADYEXISTS;
}

/* 1: it was made or is there; 0: still running; -1: refused, or worse (scope). */
static int created(struct restore_folder *f, const char *use, struct err *e)
{
	int rc = restore_done(f, ERR_MAILBOX, NULL, e);
	struct slice wire = slice_of(f->wire.data, f->making);
	if (rc == 0 || (rc < 0 && e->scope > ERR_MAILBOX))
		return rc;
	if (rc > 0)
		tree_may_be_made(f);
	f->making = 0;
	if (rc < 0 && is_there(f->cmd)) {
		err_clear(e);
		rc = 1;
	}
	restore_drop(f);
	if (rc > 0 && remember(f->r, wire, use, e) != 0)
		return -1;
	return rc;
}

static int made(struct restore_folder *f)
{
	f->exists = true;
	f->r->report->folders_created++;
	restore_note(f->r, SYNC_NOTE_STEP, "%s: made", buf_str(&f->name));
	f->step = folder_open;
	return 1;
}

static int itself_made(struct restore_folder *f, struct err *e)
{
	int rc = created(f, "", e);
	if (rc > 0)
		return made(f);
	if (rc == 0 || e->scope > ERR_MAILBOX || f->parents_tried)
		return rc;
	f->step = make_parents;
	err_clear(e);
	return 1;
}

static int made_with_use(struct restore_folder *f, struct err *e)
{
	int rc = created(f, buf_str(&f->special), e);
	if (rc > 0)
		return made(f);
	if (rc == 0 || e->scope > ERR_MAILBOX)
		return rc;
	/* NO [USEATTR] has made nothing (RFC 6154 section 3). */
	err_clear(e);
	return create(f, f->wire.len, NULL, itself_made);
}

static int make_itself(struct restore_folder *f, struct err *e)
{
	(void)e;
	bool use = f->special.len > 0 && restore_uses(f, "CREATE-SPECIAL-USE");
	return create(f, f->wire.len, use ? buf_str(&f->special) : NULL,
		use ? made_with_use : itself_made);
}

static int parent_made(struct restore_folder *f, struct err *e)
{
	int rc = created(f, "", e);
	if (rc == 0 || (rc < 0 && e->scope > ERR_MAILBOX))
		return rc;
	/* What the server says against one shows when the folder itself is made. */
	err_clear(e);
	f->step = make_parents;
	return 1;
}

/* The next parent that the list does not have, or the folder itself. */
static int make_parents(struct restore_folder *f, struct err *e)
{
	const struct restore *r = f->r;
	f->parents_tried = true;
	while (++f->parent < f->wire.len) {
		struct slice parent = slice_of(f->wire.data, f->parent);
		if (r->delimiter != '\0' &&
			f->wire.data[f->parent] == (unsigned char)r->delimiter &&
			f->parent >= r->prefix.len && find(r, parent) == NULL &&
			!mailbox_is_inbox(parent))
			return create(f, parent.n, NULL, parent_made);
	}
	return make_itself(f, e);
}

bool tree_is_due(const struct restore_folder *f)
{
	const struct restore *r = f->r;
	return !f->exists && !r->options->dry_run && (f->nwant > 0 || r->make_empty);
}

int tree_make(struct restore_folder *f, struct err *e)
{
	const struct restore *r = f->r;
	f->step = folder_open;
	f->parent = 0;
	f->parents_tried = false;
	if (!tree_is_due(f))
		return 1;
	/* Who wants to know what was made gets nothing made behind his back. */
	return r->options->made != NULL ? make_parents(f, e) : make_itself(f, e);
}
