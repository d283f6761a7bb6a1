/* SPDX-License-Identifier: MIT */
/*
 * cmd_metadata.c -- GETMETADATA and SETMETADATA (RFC 5464 section 4).
 *
 * METADATA responses name their mailbox but not their command, so one command for a mailbox is in flight at a time.
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1000

struct metadata_args {
	struct cmd_texts text; /* entries; SETMETADATA: entry, value, entry, value ... */
	imap4_getmetadata_opts opts;
};

static void free_args(void *more)
{
	struct metadata_args *a = more;
	cmd_texts_release(&a->text);
	free(a);
}

/* ---- sending --------------------------------------------------------------------------------------- */

/* RFC 5464 section 1: METADATA-SERVER alone is about the server's own entries. */
static int check_offered(struct imap4_cmd *c)
{
	if (cmd_has(c, "METADATA", false) ||
		(c->mailbox.len == 0 && cmd_has(c, "METADATA-SERVER", false)))
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer METADATA");
	return 1;
}

/* entry, RFC 5464 section 5 */
static int encode_entry(struct imap4_cmd *c, struct slice entry, struct err *e)
{
	if (entry.n == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "an entry has no name");
	if (memchr(entry.p, '*', entry.n) != NULL || memchr(entry.p, '%', entry.n) != NULL)
		return err_set(e, ERR_USAGE, E_INVALID, "the name of an entry has a wildcard");
	enc_astring(&c->enc, entry);
	return 0;
}

/* getmetadata-options */
static void encode_options(struct enc *enc, const imap4_getmetadata_opts *o)
{
	static const char *const depth[] = {"", "DEPTH 1", "DEPTH infinity"};
	enc_raw(enc, "(");
	if (o->maxsize > 0) {
		enc_raw(enc, "MAXSIZE ");
		enc_number(enc, o->maxsize);
		enc_raw(enc, o->depth != IMAP4_DEPTH_0 ? " " : "");
	}
	enc_raw(enc, depth[o->depth]);
	enc_raw(enc, ") ");
}

static int get_encode(struct imap4_cmd *c, struct err *e)
{
	const struct metadata_args *a = c->more;
	bool options = a->opts.depth != IMAP4_DEPTH_0 || a->opts.maxsize > 0;
	/* Behind the mailbox a lone name could be taken for its value. */
	bool list = a->text.n > 1 || (options && a->opts.options_last);
	enc_raw(&c->enc, "GETMETADATA ");
	if (options && !a->opts.options_last)
		encode_options(&c->enc, &a->opts);
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	enc_raw(&c->enc, " ");
	if (options && a->opts.options_last)
		encode_options(&c->enc, &a->opts);
	enc_raw(&c->enc, list ? "(" : "");
	for (size_t i = 0; i < a->text.n; i++) {
		enc_raw(&c->enc, i > 0 ? " " : "");
		if (encode_entry(c, cmd_text(&a->text, i), e) != 0)
			return -1;
	}
	enc_raw(&c->enc, list ? ")" : "");
	return check_offered(c);
}

static int set_encode(struct imap4_cmd *c, struct err *e)
{
	const struct metadata_args *a = c->more;
	enc_raw(&c->enc, "SETMETADATA ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	enc_raw(&c->enc, " (");
	for (size_t i = 0; i < a->text.n; i += 2) {
		enc_raw(&c->enc, i > 0 ? " " : "");
		if (encode_entry(c, cmd_text(&a->text, i), e) != 0)
			return -1;
		enc_raw(&c->enc, " ");
		enc_value(&c->enc, a->text.at[i + 1]);
	}
	enc_raw(&c->enc, ")");
	return check_offered(c);
}

/* ---- whose answer ------------------------------------------------------------------------------------ */

/* metadata-resp with entry-values; without them nobody asked for it (section 4.4.2). */
bool getmetadata_answer(const struct imap4_data *d)
{
	const imap4_node *n = answer_is(d, "METADATA") ? answer_skip(answer_first(d), 1) : NULL;
	return n != NULL && imap4_node_kind(n) == IMAP4_NODE_LIST;
}

static bool get_claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	return getmetadata_answer(d) &&
		cmd_mailbox_is(imap4_data_metadata_mailbox(d), buf_slice(&c->mailbox));
}

static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	const struct buf *b = &other->mailbox;
	return other->kind->conflicts == conflicts &&
		cmd_mailbox_is((imap4_str){buf_str(b), b->len}, buf_slice(&c->mailbox));
}

static const struct cmd_kind get_kind = {
	.name = "GETMETADATA",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = get_claims,
	.encode = get_encode,
	.conflicts = conflicts,
};
static const struct cmd_kind set_kind = {
	.name = "SETMETADATA",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = set_encode,
	.conflicts = conflicts,
};

bool getmetadata_is(const struct imap4_cmd *c)
{
	return c->kind == &get_kind;
}

/* ---- starting ---------------------------------------------------------------------------------------- */

/* A command with room for n texts; *args are its arguments. */
static struct imap4_cmd *new_cmd(imap4_session *s, const struct cmd_kind *kind, imap4_str mailbox,
	size_t n, struct metadata_args **args)
{
	struct imap4_cmd *c = cmd_new(s, kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	struct metadata_args *a = calloc(1, sizeof *a);
	if (a == NULL) {
		(void)err_nomem(&e, kind->name);
		return cmd_discard(c, &e);
	}
	c->more = *args = a;
	c->free_more = free_args;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0 ||
		cmd_texts_new(&a->text, n, &e) != 0)
		return cmd_discard(c, &e);
	return c;
}

static imap4_cmd *refuse_count(imap4_session *s, const struct cmd_kind *kind)
{
	return session_refuse(
		s, IMAP4_E_ARG, "%s: no entry, or more than %d", kind->name, ENTRIES_MAX);
}

imap4_cmd *imap4_getmetadata_start(imap4_session *s, imap4_str mailbox, const char *const *entry,
	size_t n, const imap4_getmetadata_opts *o)
{
	struct metadata_args *a;
	struct err e = ERR_INIT;
	imap4_getmetadata_opts opts;
	cmd_options(&opts, sizeof opts, o);
	if (n == 0 || n > ENTRIES_MAX || entry == NULL)
		return refuse_count(s, &get_kind);
	if (opts.depth < IMAP4_DEPTH_0 || opts.depth > IMAP4_DEPTH_INFINITY)
		return session_refuse(s, IMAP4_E_ARG, "GETMETADATA: no such depth");
	struct imap4_cmd *c = new_cmd(s, &get_kind, mailbox, n, &a);
	if (c == NULL)
		return NULL;
	a->opts = opts;
	for (size_t i = 0; i < n; i++) {
		size_t len = entry[i] != NULL ? strlen(entry[i]) : 0;
		if (cmd_texts_set(&a->text, i, (imap4_str){entry[i], len}, &e) != 0)
			return cmd_discard(c, &e);
	}
	return cmd_submit(c);
}

imap4_cmd *imap4_setmetadata_start(
	imap4_session *s, imap4_str mailbox, const imap4_metadata *entry, size_t n)
{
	struct metadata_args *a;
	struct err e = ERR_INIT;
	if (n == 0 || n > ENTRIES_MAX || entry == NULL)
		return refuse_count(s, &set_kind);
	struct imap4_cmd *c = new_cmd(s, &set_kind, mailbox, 2 * n, &a);
	if (c == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (cmd_texts_set(&a->text, 2 * i, entry[i].entry, &e) != 0 ||
			cmd_texts_set(&a->text, 2 * i + 1, entry[i].value, &e) != 0)
			return cmd_discard(c, &e);
	return cmd_submit(c);
}

/* ---- views ----------------------------------------------------------------------------------------- */

imap4_str imap4_data_metadata_mailbox(const imap4_data *d)
{
	return answer_astring(answer_is(d, "METADATA") ? answer_first(d) : NULL);
}

int imap4_data_metadata(const imap4_data *d, imap4_walk *at, imap4_metadata *out)
{
	bool values = getmetadata_answer(d);
	if (!at->begun) {
		const imap4_node *n =
			answer_is(d, "METADATA") ? answer_skip(answer_first(d), 1) : NULL;
		at->outer = values ? imap4_node_child(n) : n;
		at->begun = 1;
	}
	const imap4_node *entry = at->outer, *value = values ? answer_skip(entry, 1) : NULL;
	if (entry == NULL || (values && value == NULL))
		return 0;
	at->outer = imap4_node_next(values ? value : entry);
	*out = (imap4_metadata){.entry = answer_astring(entry),
		.value = values ? imap4_node_text(value) : (imap4_str){NULL, 0},
		.changed = !values};
	return out->entry.ptr != NULL;
}

static bool word(struct slice *s, struct slice *out)
{
	size_t n = 0;
	while (n < s->n && s->p[n] != ' ')
		n++;
	*out = slice_of(s->p, n);
	*s = n < s->n ? slice_of(s->p + n + 1, s->n - n - 1) : SLICE_NONE;
	return n > 0;
}

imap4_metadata_note imap4_result_metadata(const imap4_result *r, uint64_t *octets)
{
	static const struct {
		const char *name;
		imap4_metadata_note note;
	} notes[] = {
		{"LONGENTRIES", IMAP4_METADATA_LONGENTRIES},
		{"MAXSIZE", IMAP4_METADATA_MAXSIZE},
		{"TOOBIG", IMAP4_METADATA_MAXSIZE}, /* ANNOTATEMORE */
		{"TOOMANY", IMAP4_METADATA_TOOMANY},
		{"NOPRIVATE", IMAP4_METADATA_NOPRIVATE},
	};
	struct slice args = slice_of(r->code_args.ptr, r->code_args.len), name, number;
	uint64_t n = 0;
	if (octets != NULL)
		*octets = 0;
	if (r->code != IMAP4_CODE_METADATA && r->code != IMAP4_CODE_ANNOTATEMORE)
		return IMAP4_METADATA_NOTHING;
	if (!word(&args, &name))
		return IMAP4_METADATA_OTHER;
	if (word(&args, &number) && slice_u64(number, UINT64_MAX, &n) && octets != NULL)
		*octets = n;
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (slice_ieq_str(name, notes[i].name))
			return notes[i].note;
	return IMAP4_METADATA_OTHER;
}
