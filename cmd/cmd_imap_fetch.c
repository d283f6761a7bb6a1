/* SPDX-License-Identifier: MIT */
/*
 * cmd_imap_fetch.c -- imapsync imap fetch: a table, items, or the octets of a message.
 *
 * The folder is opened with EXAMINE, in a session that can only look. Octets of messages go through a sink: to the output
 * as they come, or into the JSON document as base64, one message at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_imap_fetch.h"
#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/uidset.h"

#define JSON_OCTETS_MAX (64u << 20) /* of the sections of one message, in JSON */
#define LINE_PART	400	    /* octets of a line shown at once on a terminal */

struct fetch {
	struct imap_call *k;
	const struct uidset *uids;
	bool table, raw;
	uint64_t messages; /* that were shown, or whose octets were written */
	/* raw */
	FILE *out;
	bool terminal, complete;
	struct buf line;
	/* JSON: what came of this message so far; name, NUL, base64, NUL, ... */
	struct buf octets, sections;
	struct err *e;
};

/* ---- octets as they are ---------------------------------------------------------------------------------- */

static void put_line(struct fetch *f)
{
	char shown[TEXT_SHOW_SIZE];
	fputs(text_show(shown, sizeof shown, buf_slice(&f->line)), f->out);
	buf_clear(&f->line);
}

/* On a terminal, what would move the cursor is shown, not done. */
static void put_shown(struct fetch *f, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n') {
			put_line(f);
			putc('\n', f->out);
		} else if (p[i] != '\r') {
			buf_add_byte(&f->line, p[i]);
			if (f->line.len >= LINE_PART)
				put_line(f);
		}
	}
}

static int write_octets(struct fetch *f, const void *p, size_t n)
{
	if (f->terminal) {
		put_shown(f, p, n);
		return 0;
	}
	if (fwrite(p, 1, n, f->out) == n)
		return 0;
	return err_sys(f->e, ERR_STORE, E_IO, errno, "cannot write the output");
}

/* ---- the sink -------------------------------------------------------------------------------------------- */

static int begin(void *ctx, const imap4_message *so_far, imap4_str section, uint64_t size)
{
	struct fetch *f = ctx;
	(void)so_far;
	(void)size;
	if (!f->raw) {
		buf_add_slice(&f->sections, imap_slice(section));
		buf_add_byte(&f->sections, '\0');
	}
	return IMAP4_SINK_TAKE;
}

static int data(void *ctx, const void *p, size_t n)
{
	struct fetch *f = ctx;
	if (f->raw)
		return write_octets(f, p, n);
	return buf_add(&f->octets, p, n) == 0 ? 0 : buf_check(&f->octets, "a message", f->e);
}

static int end(void *ctx, int complete)
{
	struct fetch *f = ctx;
	f->complete = complete != 0;
	if (f->raw)
		return 0;
	base64_encode(&f->sections, f->octets.data, f->octets.len);
	buf_add_byte(&f->sections, '\0');
	buf_clear(&f->octets);
	return buf_check(&f->sections, "a message in base64", f->e);
}

static void add_sections(struct json *j, const struct buf *sections)
{
	const char *at = buf_str(sections), *stop = at + sections->len;
	json_begin(j, "sections", '[');
	while (at < stop) {
		const char *name = at, *octets = name + strlen(name) + 1;
		at = octets + strlen(octets) + 1;
		json_begin(j, NULL, '{');
		json_add_text(j, "section", slice_str(name));
		json_add_base64(j, "base64", octets);
		json_end(j);
	}
	json_end(j);
}

static void show(struct fetch *f, const imap4_message *m)
{
	struct json *j = &f->k->json;
	if (!f->k->c->json) {
		(f->table ? fetch_print_row : fetch_print_items)(m);
		return;
	}
	json_begin(j, NULL, '{');
	json_add_u64(j, "uid", m->uid);
	if (f->table)
		fetch_add_row(j, m);
	else
		fetch_add_items(j, m);
	if (f->sections.len > 0)
		add_sections(j, &f->sections);
	json_end(j);
}

/* A server may also tell of other messages meanwhile, or of flags alone. */
static bool is_asked_for(const struct fetch *f, const imap4_message *m)
{
	return (m->have & IMAP4_MSG_UID) != 0 && uidset_has(f->uids, m->uid) &&
		(!f->table || imap4_message_item(m, "ENVELOPE") != NULL);
}

static int done(void *ctx, const imap4_message *m)
{
	struct fetch *f = ctx;
	if (f->raw) {
		f->messages += f->complete;
		f->complete = false;
	} else if (is_asked_for(f, m)) {
		f->messages++;
		show(f, m);
	}
	buf_clear(&f->sections);
	buf_clear(&f->octets);
	return f->k->c->interrupt->signal != 0 ? -1 : 0;
}

/* ---- the command ----------------------------------------------------------------------------------------- */

static int ask(struct fetch *f, const char *items, struct err *e)
{
	struct imap_call *k = f->k;
	char shown[TEXT_SHOW_SIZE];
	const imap4_sink sink = {f, begin, data, end, done};
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .sink = &sink};
	struct err callback = ERR_INIT;
	f->e = &callback;
	imap4_cmd *cmd = imap4_fetch_start(k->s, f->uids, items, &o);
	int rc = imap_run(k, cmd, imap_shown(shown, k->arg[0]), NULL, NULL, e);
	if (err_is_set(&callback)) {
		*e = callback;
		return -1;
	}
	if (rc != 0 && k->c->interrupt->signal != 0)
		return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	if (rc == 0 && f->messages == 0)
		return err_set(e, ERR_MAILBOX, E_MISSING,
			"%s: the server has nothing of this for UID %" PRIu32, shown,
			uidset_min(f->uids));
	return rc;
}

static int open_output(struct fetch *f, struct err *e)
{
	const char *file = f->k->c->output;
	char shown[TEXT_SHOW_SIZE];
	f->out = stdout;
	f->terminal = file == NULL && isatty(STDOUT_FILENO) == 1;
	if (file == NULL || strcmp(file, "-") == 0)
		return 0;
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && (f->out = fdopen(fd, "wb")) != NULL)
		return 0;
	err_sys(e, ERR_USAGE, E_USAGE, errno, "cannot make %s", imap_shown(shown, file));
	e->code = E_USAGE;
	if (fd >= 0)
		close(fd);
	f->out = stdout;
	return -1;
}

/* A file that is not whole is no message. */
static int close_output(struct fetch *f, int rc, struct err *e)
{
	if (f->out == stdout)
		return rc;
	if (fclose(f->out) != 0 && rc == 0)
		rc = err_sys(e, ERR_STORE, E_IO, errno, "cannot write the output");
	if (rc != 0)
		unlink(f->k->c->output);
	return rc;
}

static int fetch_raw(struct fetch *f, const char *items, struct err *e)
{
	if (uidset_count(f->uids) != 1)
		return err_set(e, ERR_USAGE, E_USAGE,
			"the octets of one message can be written, not of %" PRIu64
			": name one UID, or use --json",
			uidset_count(f->uids));
	if (open_output(f, e) != 0)
		return -1;
	buf_init(&f->line, LINE_PART + 1);
	int rc = ask(f, items, e);
	if (f->terminal)
		put_line(f);
	return close_output(f, rc, e);
}

static int fetch_shown(struct fetch *f, const char *items, struct err *e)
{
	struct imap_call *k = f->k;
	if (k->c->json) {
		json_add_text(&k->json, "folder", slice_str(k->arg[0]));
		json_begin(&k->json, "messages", '[');
	} else if (f->table) {
		fetch_print_heading();
	}
	if (ask(f, items, e) != 0)
		return -1;
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

static int check_output(const struct imap_call *k, size_t sections, struct err *e)
{
	if (k->c->json && k->c->output != NULL)
		return err_set(e, ERR_USAGE, E_USAGE, "--output is not for --json");
	if (!k->c->json && sections > 0 && k->n != 3)
		return err_set(e, ERR_USAGE, E_USAGE,
			"the octets of a message are written alone: name one item, or use --json");
	if (sections == 0 && k->c->output != NULL)
		return err_set(
			e, ERR_USAGE, E_USAGE, "--output is for body, header, text or a part");
	return 0;
}

static int run(struct fetch *f, struct uidset *uids, struct err *e)
{
	struct imap_call *k = f->k;
	struct buf items = BUF_INIT(8000);
	size_t sections = 0;
	f->table = k->n == 2;
	int rc = 0;
	if (f->table)
		buf_add_str(&items, "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE");
	else
		rc = fetch_items(k->arg + 2, k->n - 2, &items, &sections, e);
	f->raw = sections > 0 && !k->c->json;
	if (rc == 0)
		rc = check_output(k, sections, e);
	if (rc == 0)
		rc = imap_open(k, k->arg[0], false, e);
	if (rc == 0)
		rc = imap_messages(k, k->arg[0], k->arg[1], uids, e);
	if (rc == 0)
		rc = f->raw ? fetch_raw(f, buf_str(&items), e) : fetch_shown(f, buf_str(&items), e);
	buf_release(&items);
	return rc;
}

int imap_fetch(struct imap_call *k, struct err *e)
{
	struct uidset uids = UIDSET_INIT;
	struct fetch f = {.k = k, .uids = &uids};
	buf_init(&f.octets, JSON_OCTETS_MAX);
	/* Base64 has four letters for three octets. */
	buf_init(&f.sections, 2 * (size_t)JSON_OCTETS_MAX);
	int rc = run(&f, &uids, e);
	buf_release(&f.line);
	buf_release(&f.octets);
	buf_release(&f.sections);
	uidset_release(&uids);
	return rc;
}
