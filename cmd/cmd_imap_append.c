/* SPDX-License-Identifier: MIT */
/*
 * cmd_imap_append.c -- imapsync imap append: one message from a file or standard input.
 *
 * APPEND announces the length before the message, and a file may change while it is read: so the message is copied to a
 * nameless temporary file first. A file without any CR has the line ends of this system, and CRLF is sent for them (RFC
 * 5322 section 2.3); a file with one is sent as it is.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "core/base/text.h"
#include "core/imap/imap4_util.h"

#define MESSAGE_MAX UINT32_MAX /* RFC 9051 section 9, number */

struct upload {
	FILE *copy;
	uint64_t octets, newlines;
	bool has_cr;
	bool owed; /* the CR of a CRLF is sent, its LF not yet */
};

static uint64_t wire_size(const struct upload *u)
{
	return u->octets + (u->has_cr ? 0 : u->newlines);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int take_in(struct imap_call *k, struct upload *u, FILE *from, struct err *e)
{
	unsigned char part[16384];
	size_t n;
	while (k->c->interrupt->signal == 0 && (n = fread(part, 1, sizeof part, from)) > 0) {
		for (size_t i = 0; i < n; i++) {
			u->newlines += part[i] == '\n';
			u->has_cr = u->has_cr || part[i] == '\r';
		}
		u->octets += n;
		if (wire_size(u) > MESSAGE_MAX)
			return err_set(e, ERR_USAGE, E_USAGE, "the message is larger than 4 GiB");
		if (fwrite(part, 1, n, u->copy) != n)
			return err_sys(e, ERR_STORE, E_IO, errno, "cannot write a temporary file");
	}
	/* A signal ends a wait for standard input, too. */
	if (k->c->interrupt->signal != 0)
		return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
	if (ferror(from))
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot read the message");
	if (u->octets == 0)
		return err_set(e, ERR_USAGE, E_USAGE, "the message is empty");
	if (fseek(u->copy, 0, SEEK_SET) != 0)
		return err_sys(e, ERR_STORE, E_IO, errno, "cannot read a temporary file");
	return 0;
}

static int read_message(struct imap_call *k, struct upload *u, const char *file, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	bool standard = strcmp(file, "-") == 0;
	FILE *from = standard ? stdin : fopen(file, "rb");
	if (from == NULL) {
		err_sys(e, ERR_USAGE, E_USAGE, errno, "cannot open %s", imap_shown(shown, file));
		e->code = E_USAGE;
		return -1;
	}
	u->copy = tmpfile();
	int rc = u->copy != NULL
		? take_in(k, u, from, e)
		: err_sys(e, ERR_STORE, E_IO, errno, "cannot make a temporary file");
	if (!standard)
		fclose(from);
	return rc;
}

/* ---- sending ------------------------------------------------------------------------------------------- */

/* imap4_source.read */
static long give(void *ctx, void *p, size_t n)
{
	struct upload *u = ctx;
	unsigned char *out = p;
	size_t at = 0;
	if (u->has_cr)
		return (long)fread(out, 1, n, u->copy);
	for (int c; at < n; out[at++] = (unsigned char)c) {
		if (u->owed) {
			u->owed = false;
			c = '\n';
		} else if ((c = getc(u->copy)) == EOF) {
			break;
		} else if (c == '\n') {
			u->owed = true;
			c = '\r';
		}
	}
	return (long)at;
}

/* "1-Mar-2024 10:00:00 +0200", or "2024-03-01 10:00" in local time. */
static int parse_date(const char *text, char out[IMAP4_DATE_SIZE], struct err *e)
{
	int64_t seconds;
	int zone = 0;
	if (!imap4_date_parse((imap4_str){text, strlen(text)}, &seconds, &zone) &&
		selection_parse_date(text, &seconds, e) != 0)
		return err_context(e, "--date");
	if (!imap4_date_format(seconds, zone, out))
		return err_set(e, ERR_USAGE, E_USAGE, "--date: there is no such year");
	return 0;
}

static int send_message(
	struct imap_call *k, const imap4_append_message *m, uint32_t *uid, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	imap4_cmd *cmd = NULL;
	int rc = imap_wire(k, k->arg[0], &wire, e);
	if (rc == 0) {
		cmd = imap4_append_start(k->s, imap_str(&wire), m, 1, NULL);
		rc = imap_finish(k, cmd, imap_shown(shown, k->arg[0]), NULL, NULL, e);
	}
	const imap4_appended *a = rc == 0 ? imap4_cmd_appended(cmd) : NULL;
	*uid = a != NULL && a->n > 0 ? a->uid[0] : 0;
	imap4_cmd_free(cmd);
	buf_release(&wire);
	return rc;
}

static void report(struct imap_call *k, const imap4_append_message *m, uint32_t uid)
{
	char shown[TEXT_SHOW_SIZE], bytes[UNIT_SIZE], as[32] = "";
	if (uid != 0)
		snprintf(as, sizeof as, " as UID %" PRIu32, uid);
	if (k->c->json && uid != 0)
		json_add_u64(&k->json, "uid", uid);
	imap_say(k, "appended", "would append", "1 message (%s) to %s%s",
		unit_bytes(bytes, m->size), imap_shown(shown, k->arg[0]), as);
}

static int append(struct imap_call *k, struct upload *u, imap4_str *flag, struct err *e)
{
	char date[IMAP4_DATE_SIZE];
	uint32_t uid = 0;
	if (k->c->date != NULL && parse_date(k->c->date, date, e) != 0)
		return -1;
	if (read_message(k, u, k->arg[1], e) != 0)
		return -1;
	for (size_t i = 0; i < k->c->flags.n; i++)
		flag[i] = imap_flag(k->c->flags.at[i]);
	const imap4_append_message m = {.struct_size = sizeof m,
		.flags = flag,
		.nflags = k->c->flags.n,
		.internaldate = {k->c->date != NULL ? date : NULL,
			k->c->date != NULL ? strlen(date) : 0},
		.size = wire_size(u),
		.source = {u, give}};
	if (k->c->json) {
		json_add_text(&k->json, "folder", slice_str(k->arg[0]));
		json_add_u64(&k->json, "size", m.size);
		imap_add_strs(&k->json, "flags", flag, k->c->flags.n);
	}
	if ((k->c->dry_run ? imap_must_exist(k, k->arg[0], e) : send_message(k, &m, &uid, e)) != 0)
		return -1;
	report(k, &m, uid);
	return 0;
}

int imap_append(struct imap_call *k, struct err *e)
{
	struct upload u = {.copy = NULL};
	imap4_str *flag = calloc(k->c->flags.n + 1, sizeof *flag);
	if (flag == NULL)
		return err_nomem(e, "the flags");
	int rc = append(k, &u, flag, e);
	if (u.copy != NULL)
		fclose(u.copy);
	free(flag);
	return rc;
}
