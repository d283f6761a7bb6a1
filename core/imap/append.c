/* SPDX-License-Identifier: MIT */
/*
 * append.c -- messages on their way to the server: literals (RFC 9051 section 4.3), literals with NUL octets (BINARY, RFC 3516
 * section 4.4), with UTF-8 in their headers (RFC 6855 section 4), and messages that the server puts together (CATENATE,
 * RFC 4469).
 *
 * Only what surrounds the messages is written here; they are read while they are sent (engine_stream.c).
 */
#include "core/imap/append.h"

#include <stdlib.h>
#include <string.h>

/* A URL goes into the command line. */
#define URL_MAX 1000

struct append_part {
	char *url; /* NULL: text */
	uint64_t size;
	imap4_source source;
	bool utf8;
};

struct append_message {
	struct cmd_strings flags;
	char date[64];
	uint64_t size;
	imap4_source source;
	bool binary, utf8;
	struct append_part *part; /* CATENATE */
	size_t nparts;
};

static void release_message(struct append_message *m)
{
	cmd_strings_release(&m->flags);
	for (size_t i = 0; i < m->nparts; i++)
		free(m->part[i].url);
	free(m->part);
	*m = (struct append_message){.nparts = 0};
}

void append_release(struct append_args *a)
{
	for (size_t i = 0; i < a->n; i++)
		release_message(&a->at[i]);
	free(a->at);
	*a = (struct append_args){NULL, 0, 0};
}

/* ---- copying --------------------------------------------------------------------------------------- */

static int invalid(struct err *e, const char *what)
{
	return err_set(e, ERR_USAGE, E_INVALID, "%s", what);
}

static int copy_flags(struct append_message *to, const imap4_append_message *m, struct err *e)
{
	to->flags.at = calloc(m->nflags > 0 ? m->nflags : 1, sizeof *to->flags.at);
	if (to->flags.at == NULL)
		return err_nomem(e, "APPEND");
	to->flags.n = m->nflags;
	for (size_t i = 0; i < m->nflags; i++) {
		imap4_str f = m->flags[i];
		if (f.len > 0 && memchr(f.ptr, '\0', f.len) != NULL)
			return invalid(e, "a flag has a NUL octet");
		to->flags.at[i] = strndup(f.ptr != NULL ? f.ptr : "", f.len);
		if (to->flags.at[i] == NULL)
			return err_nomem(e, "APPEND");
	}
	return 0;
}

static bool is_size(uint64_t size, const imap4_source *source)
{
	return size > 0 && size <= UINT32_MAX && source->read != NULL;
}

/* RFC 3986 section 2: all that is no printable US-ASCII is %-encoded in a URL. */
static bool is_url(const char *url)
{
	size_t n = strlen(url);
	bool ok = n > 0 && n <= URL_MAX;
	for (size_t i = 0; i < n && ok; i++)
		ok = url[i] > ' ' && url[i] < 0x7f;
	return ok;
}

static int copy_part(struct append_part *to, const imap4_append_part *given, struct err *e)
{
	imap4_append_part p;
	cmd_options(&p, sizeof p, given);
	if (p.url == NULL) {
		if (!is_size(p.size, &p.source))
			return invalid(e, "a part of a message is empty or too large");
		to->size = p.size;
		to->source = p.source;
		to->utf8 = p.utf8 != 0;
		return 0;
	}
	if (!is_url(p.url))
		return invalid(e, "a URL cannot be sent");
	to->url = strdup(p.url);
	return to->url != NULL ? 0 : err_nomem(e, "APPEND");
}

/* A newer caller's structures are larger than ours. */
static const void *element(const void *first, size_t struct_size, size_t i)
{
	return (const char *)first + i * struct_size;
}

static int copy_parts(struct append_message *to, const imap4_append_message *m, struct err *e)
{
	if (m->parts == NULL || m->parts->struct_size == 0 || m->nparts > IMAP_APPEND_MESSAGES_MAX)
		return invalid(e, "no parts of a message, or too many");
	if (m->binary || m->utf8 || m->size != 0)
		return invalid(e, "a message is made of parts or is one literal");
	to->part = calloc(m->nparts, sizeof *to->part);
	if (to->part == NULL)
		return err_nomem(e, "APPEND");
	for (; to->nparts < m->nparts; to->nparts++)
		if (copy_part(&to->part[to->nparts],
			    element(m->parts, m->parts->struct_size, to->nparts), e) != 0)
			return -1;
	return 0;
}

static int copy_message(struct append_message *to, const imap4_append_message *given, struct err *e)
{
	imap4_append_message m;
	cmd_options(&m, sizeof m, given);
	if (m.internaldate.len >= sizeof to->date)
		return invalid(e, "a date is too long");
	if (m.internaldate.len > 0)
		memcpy(to->date, m.internaldate.ptr, m.internaldate.len);
	if (copy_flags(to, &m, e) != 0)
		return -1;
	if (m.nparts > 0)
		return copy_parts(to, &m, e);
	if (!is_size(m.size, &m.source))
		return invalid(e, "a message is empty or too large");
	if (m.binary && m.utf8)
		return invalid(e, "a message is sent as binary or with UTF-8 headers");
	to->size = m.size;
	to->source = m.source;
	to->binary = m.binary != 0;
	to->utf8 = m.utf8 != 0;
	return 0;
}

int append_copy(struct append_args *a, const imap4_append_message *m, size_t n, uint64_t sync_over,
	struct err *e)
{
	if (m == NULL || n == 0 || n > IMAP_APPEND_MESSAGES_MAX || m->struct_size == 0)
		return err_set(e, ERR_USAGE, E_INVALID, "none, or more than %d messages",
			IMAP_APPEND_MESSAGES_MAX);
	a->sync_over = sync_over != 0 ? sync_over : IMAP_APPEND_SYNC_OVER;
	a->at = calloc(n, sizeof *a->at);
	if (a->at == NULL)
		return err_nomem(e, "APPEND");
	while (a->n < n) {
		struct append_message *to = &a->at[a->n++];
		if (copy_message(to, element(m, m->struct_size, a->n - 1), e) != 0)
			return -1;
	}
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------------- */

/* RFC 7888 section 6: literal8 goes without waiting where BINARY and LITERAL+ or LITERAL- are offered. */
static uint64_t sync_over8(const struct imap4_cmd *c, uint64_t sync_over)
{
	bool may = cmd_has(c, "BINARY", false) &&
		(cmd_has(c, "LITERAL+", false) || cmd_has(c, "LITERAL-", false));
	return may ? sync_over : 0;
}

/* Under IMAP4rev2 alone a plain literal may have UTF-8 headers (RFC 9051 section 6.3.12). */
static bool as_utf8(const struct imap4_cmd *c, bool asked)
{
	return asked && engine_enabled(c->engine, "UTF8=ACCEPT");
}

static void encode_utf8(
	struct imap4_cmd *c, const imap4_source *source, uint64_t size, uint64_t sync_over)
{
	enc_raw(&c->enc, "UTF8 (");
	enc_body8(&c->enc, source, size, sync_over8(c, sync_over));
	enc_raw(&c->enc, ")");
}

/* cat-part, RFC 4469 section 5, RFC 6855 section 4 */
static void encode_part(struct imap4_cmd *c, const struct append_part *p, uint64_t sync_over)
{
	if (p->url != NULL) {
		enc_raw(&c->enc, "URL ");
		enc_string(&c->enc, slice_str(p->url));
	} else if (as_utf8(c, p->utf8)) {
		encode_utf8(c, &p->source, p->size, sync_over);
	} else {
		enc_raw(&c->enc, "TEXT ");
		enc_body(&c->enc, &p->source, p->size, sync_over);
	}
}

/* append-data, RFC 4466 section 6 */
static void encode_data(struct imap4_cmd *c, const struct append_message *m, uint64_t sync_over)
{
	if (m->nparts > 0) {
		for (size_t i = 0; i < m->nparts; i++) {
			enc_raw(&c->enc, i == 0 ? "CATENATE (" : " ");
			encode_part(c, &m->part[i], sync_over);
		}
		enc_raw(&c->enc, ")");
	} else if (as_utf8(c, m->utf8)) {
		encode_utf8(c, &m->source, m->size, sync_over);
	} else if (m->binary) {
		enc_body8(&c->enc, &m->source, m->size, sync_over8(c, sync_over));
	} else {
		enc_body(&c->enc, &m->source, m->size, sync_over);
	}
}

static void encode_message(struct imap4_cmd *c, const struct append_message *m, uint64_t sync_over)
{
	struct enc *enc = &c->enc;
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
	encode_data(c, m, sync_over);
}

static bool has_utf8(const struct append_message *m)
{
	bool utf8 = m->utf8;
	for (size_t i = 0; i < m->nparts && !utf8; i++)
		utf8 = m->part[i].utf8;
	return utf8;
}

/* What the server would have to offer; NULL: nothing that it does not. */
static const char *missing(const struct imap4_cmd *c, const struct append_message *m)
{
	if (m->nparts > 0 && !cmd_has(c, "CATENATE", false))
		return "CATENATE";
	if (m->binary && !cmd_has(c, "BINARY", false))
		return "BINARY";
	if (has_utf8(m) && !engine_utf8(c->engine))
		return "UTF8=ACCEPT, or it was not enabled";
	return NULL;
}

int append_encode(struct imap4_cmd *c, const struct append_args *a)
{
	const char *lacks = NULL;
	for (size_t i = 0; i < a->n; i++) {
		encode_message(c, &a->at[i], a->sync_over);
		if (lacks == NULL)
			lacks = missing(c, &a->at[i]);
	}
	if (lacks == NULL && a->n > 1 && !cmd_has(c, "MULTIAPPEND", false))
		lacks = "MULTIAPPEND";
	if (lacks == NULL)
		return 0;
	cmd_fail_local(c, IMAP4_E_NOCAP, "the server does not offer %s", lacks);
	return 1;
}

/* ---- APPENDUID ------------------------------------------------------------------------------------- */

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
void append_note_uids(struct imap4_cmd *c, const imap4_state_line *l, size_t n)
{
	struct slice args = slice_of(l->code_args.ptr, l->code_args.len);
	const unsigned char *space = args.n > 0 ? memchr(args.p, ' ', args.n) : NULL;
	uint64_t uidvalidity;
	bool ok = slice_ieq_str(slice_of(l->condition.ptr, l->condition.len), "OK");
	if (!ok || l->code != IMAP4_CODE_APPENDUID || space == NULL || c->appended.n > 0)
		return;
	size_t first = (size_t)(space - args.p);
	if (!slice_u64(slice_of(args.p, first), UINT32_MAX, &uidvalidity) || uidvalidity == 0)
		return;
	uint32_t *uid = calloc(n, sizeof *uid);
	if (uid == NULL)
		return;
	if (!read_set(slice_of(space + 1, args.n - first - 1), uid, n)) {
		free(uid);
		return;
	}
	c->appended = (imap4_appended){(uint32_t)uidvalidity, uid, n};
}
