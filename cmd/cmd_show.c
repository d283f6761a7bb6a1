/* SPDX-License-Identifier: MIT */
/* cmd_show.c -- imapsync show: one archived message on standard output. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cli_archive.h"
#include "cmd/exit.h"
#include "core/base/text.h"

#define LINE_PART 4096 /* of a line that is escaped for a terminal */

struct show {
	struct cli *c;
	const char *folder, *number;
	uint32_t uidvalidity, uid; /* uidvalidity 0 = the current one */
	int64_t mailbox, generation;
	unsigned char sha256[SHA256_LEN];
	struct sha256 *hash;
	bool terminal;	  /* escape what would act on it */
	bool after_cr;	  /* a CR is held back */
	bool line_start;  /* the line so far is empty: one more line end ends the header */
	bool header_done; /* --headers: the rest is only hashed */
	struct buf line;  /* for the terminal */
	struct err *e;
};

/* ---- output --------------------------------------------------------------------------------- */

/* A line, or a part of one, without its end; tabs are harmless. */
static void put_shown(struct show *v)
{
	char shown[4 * LINE_PART + 16];
	struct slice left = buf_slice(&v->line);
	while (left.n > 0) {
		const unsigned char *tab = memchr(left.p, '\t', left.n);
		size_t n = tab != NULL ? (size_t)(tab - left.p) : left.n;
		fputs(text_show_line(shown, sizeof shown, slice_of(left.p, n)), stdout);
		if (tab != NULL)
			putchar('\t');
		n += tab != NULL;
		left = slice_of(left.p + n, left.n - n);
	}
	buf_clear(&v->line);
}

static void put_byte(struct show *v, unsigned char c)
{
	if (!v->terminal) {
		putchar(c);
		return;
	}
	if (c != '\n' && v->line.len < LINE_PART) {
		buf_add_byte(&v->line, c);
		return;
	}
	put_shown(v);
	if (c == '\n')
		putchar('\n');
	else
		buf_add_byte(&v->line, c);
}

/* One byte of the wire; CRLF becomes LF unless --raw. */
static void put_wire(struct show *v, unsigned char c)
{
	if (v->header_done)
		return;
	if (c == '\r' && !v->c->raw && !v->after_cr) {
		v->after_cr = true;
		return;
	}
	if (v->after_cr && c != '\n') {
		put_byte(v, '\r');
		v->after_cr = false;
		v->line_start = false;
		put_wire(v, c);
		return;
	}
	v->after_cr = false;
	put_byte(v, c);
	v->header_done = v->c->headers && c == '\n' && v->line_start;
	if (c != '\r')
		v->line_start = c == '\n';
}

static int take(void *ctx, const void *p, size_t n)
{
	struct show *v = ctx;
	const unsigned char *at = p;
	if (sha256_add(v->hash, p, n, v->e) != 0)
		return -1;
	if (v->c->raw && !v->terminal && !v->c->headers) {
		fwrite(p, 1, n, stdout);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		put_wire(v, at[i]);
	return v->c->interrupt->signal != 0;
}

/* ---- which message -------------------------------------------------------------------------- */

static int find_folder(struct show *v, struct store *s, struct err *e)
{
	char shown[TEXT_SHOW_SIZE], *pattern = strdup(v->folder);
	struct store_mailbox_list list = {NULL, 0};
	if (pattern == NULL)
		return err_nomem(e, "the folder");
	const struct sync_account account = {.folders = {&pattern, 1}};
	size_t found = 0;
	int rc = store_mailboxes(s, &list, e);
	for (size_t i = 0; rc == 0 && i < list.n; i++) {
		const struct store_mailbox *m = &list.at[i];
		if (!sync_selects(
			    &account, buf_slice(&m->name), m->delimiter, buf_slice(&m->attributes)))
			continue;
		found++;
		v->mailbox = m->id;
		v->generation = m->generation;
	}
	store_mailbox_list_release(&list);
	free(pattern);
	if (rc == 0 && found != 1)
		rc = err_set(e, ERR_USAGE, E_USAGE,
			found == 0 ? "there is no folder \"%s\" in the archive"
				   : "\"%s\" is more than one folder",
			text_show(shown, sizeof shown, slice_str(v->folder)));
	return rc;
}

static int match_generation(void *ctx, int64_t generation, uint32_t uidvalidity)
{
	struct show *v = ctx;
	if (uidvalidity == v->uidvalidity)
		v->generation = generation;
	return 0;
}

static int take_record(void *ctx, const struct store_record *r)
{
	struct show *v = ctx;
	memcpy(v->sha256, r->sha256, SHA256_LEN);
	return r->has_file;
}

static int find_message(struct show *v, struct store *s, struct err *e)
{
	struct uidset one = UIDSET_INIT;
	if (find_folder(v, s, e) != 0)
		return -1;
	if (v->uidvalidity != 0) {
		v->generation = 0;
		if (store_generations(s, v->mailbox, match_generation, v, e) != 0)
			return -1;
	}
	int found = uidset_add(&one, v->uid, e);
	if (found == 0)
		found = store_records(s, v->generation, &one, take_record, v, e);
	uidset_release(&one);
	if (found == 0)
		return err_set(e, ERR_USAGE, E_USAGE,
			"there is no message %s in this folder of the archive", v->number);
	return found < 0 ? -1 : 0;
}

/* "17" or "1500000001.17", as list prints them. */
static bool parse_number(struct show *v)
{
	uint64_t validity = 0, uid;
	const char *dot = strchr(v->number, '.'), *last = dot != NULL ? dot + 1 : v->number;
	if (dot != NULL &&
		(!slice_u64(
			 slice_of(v->number, (size_t)(dot - v->number)), UINT32_MAX, &validity) ||
			validity == 0))
		return false;
	if (!slice_u64(slice_str(last), UID_MAX, &uid) || uid == 0)
		return false;
	v->uidvalidity = (uint32_t)validity;
	v->uid = (uint32_t)uid;
	return true;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int print_message(struct show *v, struct store *s, struct err *e)
{
	unsigned char got[SHA256_LEN];
	if (sha256_begin(v->hash, e) != 0)
		return -1;
	int rc = store_message_read(s, v->generation, v->uid, take, v, e);
	if (v->after_cr)
		put_byte(v, '\r');
	put_shown(v);
	if (rc > 0)
		return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	if (rc < 0 || sha256_end(v->hash, got, e) != 0)
		return -1;
	if (memcmp(got, v->sha256, SHA256_LEN) != 0)
		return err_set(e, ERR_MESSAGE, E_CORRUPT,
			"this message is damaged: it is not what the server sent; mend it with imapsync repair");
	return 0;
}

static int show_one(struct cli *c, struct config_account *a)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;
	struct show *v = c->state;
	v->e = &e;
	buf_init(&v->line, LINE_PART);
	v->hash = sha256_new(&e);
	if (v->hash != NULL && cli_open_archive(a, &s, &e) == 0 && find_message(v, s, &e) == 0 &&
		print_message(v, s, &e) != 0)
		fflush(stdout);
	store_close(s);
	sha256_free(v->hash);
	buf_release(&v->line);
	return err_is_set(&e) ? cli_fail(c, &e) : EXIT_OK;
}

int cmd_show(struct cli *c)
{
	struct err e = ERR_INIT;
	struct show v = {.c = c, .line_start = true};
	v.terminal = !c->raw && isatty(STDOUT_FILENO) == 1;
	if (c->nargs == 2) {
		v.folder = c->args[0];
		v.number = c->args[1];
	}
	if (c->nargs != 2 || !parse_number(&v)) {
		err_set(&e, ERR_USAGE, E_USAGE, "which message? imapsync show FOLDER UID");
		return cli_fail(c, &e);
	}
	c->state = &v;
	return cli_archive(c, c->account, " with --account", show_one);
}
