/* SPDX-License-Identifier: MIT */
/*
 * restore_tree.c -- names on the target: the levels of a folder's name stay, delimiter and namespace are the target's.
 *
 * An existing folder of the same special use is preferred to one of the same name, so that "Sent" of one provider ends
 * in "Sent Items" of the other; not when the person says where things go (--map, --folder-prefix).
 */
#include <stdlib.h>
#include <string.h>

#include "core/sync/folders.h"
#include "core/sync/restore_internal.h"

#define NAME_MAX_BYTES 4096

/* \All, \Flagged and \Important are views of other folders on the servers that have them: never made. */
static const char *const uses[] = {"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash"};

/* ---- the target ------------------------------------------------------------------------------------ */

static int read_namespace(struct restore *r, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	if (!account_uses(r->account, s, "NAMESPACE"))
		return 0;
	imap4_cmd *c = imap4_namespace_start(s);
	int rc = sync_wait(s, c, ERR_CONNECTION, "NAMESPACE", e);
	const imap4_data *d = rc == 0 ? imap4_cmd_next(c) : NULL;
	const imap4_namespace *ns = d != NULL ? imap4_data_namespace(d, 0) : NULL;
	if (ns != NULL && ns->kind == 0) {
		buf_add(&r->prefix, ns->prefix.ptr, ns->prefix.len);
		r->delimiter = ns->delimiter;
	}
	imap4_cmd_free(c);
	/* A server that refuses it has one without a prefix. */
	if (rc != 0 && (e->code == E_NO || e->code == E_BAD)) {
		err_clear(e);
		rc = 0;
	}
	return rc == 0 ? buf_check(&r->prefix, "the namespace", e) : -1;
}

int tree_read(struct restore *r, struct err *e)
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
	if (read_namespace(r, e) != 0 ||
		folders_gather(
			r->link.dial.session, &a, FOLDERS_SELECTED, &r->remote, &complete, e) != 0)
		return -1;
	for (size_t i = 0; i < r->remote.n && r->delimiter == '\0'; i++)
		r->delimiter = r->remote.at[i].delimiter;
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

static int add_levels(struct restore *r, struct slice name, char delimiter, struct err *e)
{
	struct slice level;
	while (next_level(&name, delimiter, &level)) {
		if (level.n == 0)
			continue;
		if (r->wire.len > 0 && r->delimiter == '\0')
			return err_set(e, ERR_MAILBOX, E_INVALID,
				"the server has no folders within folders");
		if (r->wire.len > 0)
			buf_add_byte(&r->wire, (unsigned char)r->delimiter);
		/* A delimiter within a level would make it two. */
		for (size_t i = 0; i < level.n; i++)
			buf_add_byte(&r->wire,
				r->delimiter != '\0' && level.p[i] == r->delimiter ? '_'
										   : level.p[i]);
	}
	return buf_check(&r->wire, "the name of a folder", e);
}

/* A name that a person wrote. */
static int add_given(struct restore *r, const char *given, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire = BUF_INIT(NAME_MAX_BYTES);
	int rc = 0;
	if (!mutf7_encode(slice_str(given), &wire))
		rc = err_set(e, ERR_USAGE, E_USAGE, "\"%s\" cannot be the name of a folder",
			text_show(shown, sizeof shown, slice_str(given)));
	else
		rc = add_levels(r, buf_slice(&wire), '/', e);
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

static void add_prefix(struct restore *r)
{
	struct slice p = buf_slice(&r->prefix);
	if (p.n > 0 && r->delimiter != '\0' && p.p[p.n - 1] == r->delimiter)
		p.n--;
	buf_add_slice(&r->wire, p);
}

static int make_name(
	struct restore *r, const struct origin_folder *from, bool *given, struct err *e)
{
	struct slice rest = SLICE_NONE;
	const char *below = r->options->folder_prefix;
	const struct restore_map *map = find_map(r, from, &rest);
	struct slice first = map != NULL ? slice_str(map->to) : buf_slice(&from->wire);
	*given = below != NULL || map != NULL;
	buf_clear(&r->wire);
	/* INBOX stands outside of the namespace, whatever its prefix (RFC 2342 section 5). */
	if (below != NULL || !mailbox_is_inbox(first))
		add_prefix(r);
	if (below != NULL && add_given(r, below, e) != 0)
		return -1;
	if (map == NULL)
		return add_levels(r, own_name(r, from), from->delimiter, e);
	if (add_given(r, map->to, e) != 0)
		return -1;
	return add_levels(r, rest, from->delimiter, e);
}

static int prefer_use(struct restore *r, const struct origin_folder *from, struct err *e)
{
	for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
		if (!has_attribute(buf_slice(&from->attributes), uses[i]))
			continue;
		const struct sync_folder *f = find_use(r, uses[i]);
		if (f == NULL) {
			buf_add_str(&r->special, uses[i]);
			return buf_check(&r->special, "a special use", e);
		}
		buf_clear(&r->wire);
		buf_add_slice(&r->wire, buf_slice(&f->wire));
		return buf_check(&r->wire, "the name of a folder", e);
	}
	return 0;
}

int tree_target(struct restore *r, const struct origin_folder *from, struct err *e)
{
	bool given;
	buf_clear(&r->special);
	if (make_name(r, from, &given, e) != 0)
		return -1;
	if (!given && prefer_use(r, from, e) != 0)
		return -1;
	const struct sync_folder *f = find(r, buf_slice(&r->wire));
	r->exists = f != NULL && f->selectable;
	r->subscribe = !r->options->rehearsal && from->subscribed && (f == NULL || !f->subscribed);
	return 0;
}

/* ---- making ---------------------------------------------------------------------------------------- */

/* It is there already: as good as made. */
static bool is_there(imap4_cmd *c)
{
	return c != NULL && imap4_cmd_done(c) && imap4_cmd_result(c)->err == IMAP4_E_NO &&
		imap4_cmd_result(c)->code == IMAP4_CODE_ALREADYEXISTS;
}

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
	buf_add_str(&f->attributes, use != NULL ? use : "");
	return buf_check(&f->wire, "the name of a folder", e);
}

static int create(struct restore *r, struct slice wire, const char *use, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	const imap4_str name = {(const char *)wire.p, wire.n};
	imap4_cmd *c = imap4_create_start(s, name, use);
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	if (r->options->made != NULL && (rc == 0 || e->scope > ERR_MAILBOX))
		r->options->made(r->options->ctx, wire, r->delimiter);
	if (rc != 0 && is_there(c)) {
		err_clear(e);
		rc = 0;
	}
	imap4_cmd_free(c);
	return rc == 0 ? remember(r, wire, use, e) : -1;
}

static int create_last(struct restore *r, struct err *e)
{
	struct slice wire = buf_slice(&r->wire);
	if (r->special.len > 0 &&
		account_uses(r->account, r->link.dial.session, "CREATE-SPECIAL-USE")) {
		if (create(r, wire, buf_str(&r->special), e) == 0)
			return 0;
		/* NO [USEATTR] has made nothing (RFC 6154 section 3). */
		if (e->scope > ERR_MAILBOX)
			return -1;
		err_clear(e);
	}
	return create(r, wire, NULL, e);
}

/* Parents that the list does not have. What a server says against one shows when the folder itself is made. */
static int create_parents(struct restore *r, struct err *e)
{
	size_t skip = r->prefix.len;
	for (size_t i = 1; i < r->wire.len; i++) {
		struct slice parent = slice_of(r->wire.data, i);
		if (r->delimiter == '\0' || r->wire.data[i] != (unsigned char)r->delimiter ||
			i < skip || find(r, parent) != NULL || mailbox_is_inbox(parent))
			continue;
		if (create(r, parent, NULL, e) != 0) {
			if (e->scope > ERR_MAILBOX)
				return -1;
			err_clear(e);
		}
	}
	return 0;
}

static int subscribe(struct restore *r, struct err *e)
{
	imap4_session *s = r->link.dial.session;
	imap4_cmd *c = imap4_subscribe_start(s, restore_wire(r));
	int rc = sync_wait(s, c, ERR_MAILBOX, NULL, e);
	imap4_cmd_free(c);
	if (rc == 0 || e->scope > ERR_MAILBOX)
		return rc;
	restore_note(r, SYNC_NOTE_WARNING, "%s: %s", buf_str(&r->name), e->text);
	err_clear(e);
	return 0;
}

int tree_create(struct restore *r, struct err *e)
{
	if (!r->exists) {
		if (create_parents(r, e) != 0 || create_last(r, e) != 0)
			return -1;
		r->exists = true;
		r->report->folders_created++;
		restore_note(r, SYNC_NOTE_STEP, "%s: made", buf_str(&r->name));
	}
	if (r->subscribe && subscribe(r, e) != 0)
		return -1;
	r->subscribe = false;
	return 0;
}
