/* SPDX-License-Identifier: MIT */
/*
 * cmd_append.c -- APPEND (RFC 9051 section 6.3.12) and MULTIAPPEND (RFC 3502); the UIDs of APPENDUID (RFC 4315).
 *
 * The command is encoded whole, but for the messages, which are read while they are sent (engine_stream.c).
 */
#include "core/imap/cmd.h"

#include <stdlib.h>
#include <string.h>

struct one {
	struct cmd_strings flags;
	char date[64];
	uint64_t size;
	imap4_source source;
};

struct append_args {
	struct one *at;
	size_t n;
	uint64_t sync_over;
};

static void free_args(void *more)
{
	struct append_args *a = more;
	for (size_t i = 0; i < a->n; i++)
		cmd_strings_release(&a->at[i].flags);
	free(a->at);
	free(a);
}

/* append-message, RFC 3502 section 6 */
static void encode_message(struct enc *enc, const struct one *m, uint64_t sync_over)
{
	enc_raw(enc, " ");
	if (m->flags.n > 0) {
		for (size_t i = 0; i < m->flags.n; i++) {
			enc_raw(enc, i == 0 ? "(" : " ");
			enc_flag(enc, slice_str(m->flags.at[i]));
		}
		enc_raw(enc, ") ");
	}
	if (m->date[0] != '\0') {
		enc_string(enc, slice_str(m->date));
		enc_raw(enc, " ");
	}
	enc_body(enc, &m->source, m->size, sync_over);
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	const struct append_args *a = c->more;
	(void)e;
	enc_raw(&c->enc, "APPEND ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	for (size_t i = 0; i < a->n; i++)
		encode_message(&c->enc, &a->at[i], a->sync_over);
	if (a->n > 1 && !cmd_has(c, "MULTIAPPEND", false)) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer MULTIAPPEND");
		return 1;
	}
	return 0;
}

/* One number or range at the beginning of a set, which is taken off. */
static bool next_range(struct slice *set, uint64_t *lo, uint64_t *hi)
{
	size_t n = 0;
	while (n < set->n && set->p[n] != ',')
		n++;
	struct slice item = slice_of(set->p, n);
	*set = n < set->n ? slice_of(set->p + n + 1, set->n - n - 1) : SLICE_NONE;
	const unsigned char *colon = item.n > 0 ? memchr(item.p, ':', item.n) : NULL;
	if (colon == NULL) {
		bool ok = slice_u64(item, UINT32_MAX, lo) && *lo > 0;
		*hi = *lo;
		return ok;
	}
	size_t first = (size_t)(colon - item.p);
	if (!slice_u64(slice_of(item.p, first), UINT32_MAX, lo) ||
		!slice_u64(slice_of(colon + 1, item.n - first - 1), UINT32_MAX, hi))
		return false;
	if (*lo > *hi) { /* 4:2 is 2:4, RFC 9051 section 9 */
		uint64_t swap = *lo;
		*lo = *hi;
		*hi = swap;
	}
	return *lo > 0;
}

static bool read_set(struct slice set, uint32_t *uid, size_t n)
{
	size_t got = 0;
	while (set.n > 0) {
		uint64_t lo, hi;
		if (!next_range(&set, &lo, &hi) || hi - lo >= n - got)
			return false;
		for (uint64_t u = lo; u <= hi; u++)
			uid[got++] = (uint32_t)u;
	}
	return got == n;
}

/* resp-code-apnd = "APPENDUID" SP nz-number SP append-uid, RFC 4315 section 4. Whatever is not exactly that is no proof,
 * and no error either: the message was taken. */
static void completed(struct imap4_cmd *c, const imap4_state_line *tagged)
{
	const struct append_args *a = c->more;
	struct slice args = slice_of(tagged->code_args.ptr, tagged->code_args.len);
	const unsigned char *space = args.n > 0 ? memchr(args.p, ' ', args.n) : NULL;
	uint64_t uidvalidity;
	if (tagged->code != IMAP4_CODE_APPENDUID || space == NULL)
		return;
	size_t first = (size_t)(space - args.p);
	if (!slice_u64(slice_of(args.p, first), UINT32_MAX, &uidvalidity) || uidvalidity == 0)
		return;
	uint32_t *uid = calloc(a->n, sizeof *uid);
	if (uid == NULL)
		return;
	if (!read_set(slice_of(space + 1, args.n - first - 1), uid, a->n)) {
		free(uid);
		return;
	}
	c->appended = (imap4_appended){(uint32_t)uidvalidity, uid, a->n};
}

static const struct cmd_kind kind = {
	.name = "APPEND",
	.flags = CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.encode = encode,
	.completed = completed,
};

static int copy_flags(struct one *to, const imap4_append_message *m, struct err *e)
{
	to->flags.at = calloc(m->nflags > 0 ? m->nflags : 1, sizeof *to->flags.at);
	if (to->flags.at == NULL)
		return err_nomem(e, "APPEND");
	to->flags.n = m->nflags;
	for (size_t i = 0; i < m->nflags; i++) {
		imap4_str f = m->flags[i];
		if (f.len > 0 && memchr(f.ptr, '\0', f.len) != NULL)
			return err_set(e, ERR_USAGE, E_INVALID, "a flag has a NUL octet");
		to->flags.at[i] = strndup(f.ptr != NULL ? f.ptr : "", f.len);
		if (to->flags.at[i] == NULL)
			return err_nomem(e, "APPEND");
	}
	return 0;
}

static int copy_message(struct one *to, const imap4_append_message *given, struct err *e)
{
	imap4_append_message m;
	cmd_options(&m, sizeof m, given);
	if (m.size == 0 || m.size > UINT32_MAX || m.source.read == NULL)
		return err_set(e, ERR_USAGE, E_INVALID, "a message is empty or too large");
	if (m.internaldate.len >= sizeof to->date)
		return err_set(e, ERR_USAGE, E_INVALID, "a date is too long");
	if (m.internaldate.len > 0)
		memcpy(to->date, m.internaldate.ptr, m.internaldate.len);
	to->size = m.size;
	to->source = m.source;
	return copy_flags(to, &m, e);
}

/* A newer caller's structures are larger than ours. */
static const imap4_append_message *message_at(const imap4_append_message *m, size_t i)
{
	return (const void *)((const char *)m + i * m->struct_size);
}

static int copy_args(struct imap4_cmd *c, const imap4_append_message *m, size_t n,
	const imap4_append_opts *o, struct err *e)
{
	struct append_args *a = calloc(1, sizeof *a);
	if (a == NULL)
		return err_nomem(e, "APPEND");
	c->more = a;
	c->free_more = free_args;
	a->sync_over = o->sync_over != 0 ? o->sync_over : IMAP_APPEND_SYNC_OVER;
	a->at = calloc(n, sizeof *a->at);
	if (a->at == NULL)
		return err_nomem(e, "APPEND");
	for (; a->n < n; a->n++)
		if (copy_message(&a->at[a->n], message_at(m, a->n), e) != 0) {
			cmd_strings_release(&a->at[a->n].flags);
			return -1;
		}
	return 0;
}

imap4_cmd *imap4_append_start(imap4_session *s, imap4_str mailbox, const imap4_append_message *m,
	size_t n, const imap4_append_opts *o)
{
	imap4_append_opts opts;
	cmd_options(&opts, sizeof opts, o);
	struct imap4_cmd *c = cmd_new(s, &kind);
	if (c == NULL)
		return NULL;
	struct err e = ERR_INIT;
	if (m == NULL || n == 0 || n > IMAP_APPEND_MESSAGES_MAX || m->struct_size == 0) {
		(void)err_set(&e, ERR_USAGE, E_INVALID, "none, or more than %d messages",
			IMAP_APPEND_MESSAGES_MAX);
		return cmd_discard(c, &e);
	}
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0 || copy_args(c, m, n, &opts, &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}

const imap4_appended *imap4_cmd_appended(const imap4_cmd *c)
{
	return c->appended.n > 0 ? &c->appended : NULL;
}
