/* SPDX-License-Identifier: MIT */
/* cmd_imap_session.c -- what most commands of imapsync imap do: wait, name a folder, open it, resolve a set of UIDs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "cmd/query_words.h"
#include "core/base/mail.h"
#include "core/base/text.h"
#include "core/base/uidset.h"
#include "core/sync/connect.h"

#define NAME_MAX_BYTES 8192 /* more than the library sends */

/* ---- waiting ------------------------------------------------------------------------------------------- */

/* What to do about a refusal, by its response code (RFC 5530). */
static void add_advice(const imap4_result *r, struct err *e)
{
	static const struct {
		imap4_code code;
		const char *advice;
	} known[] = {
		{IMAP4_CODE_NONEXISTENT, "\"list\" shows the folders there are"},
		{IMAP4_CODE_TRYCREATE, "\"create\" makes the folder"},
		{IMAP4_CODE_NOPERM, "\"acl myrights\" shows what is allowed"},
		{IMAP4_CODE_OVERQUOTA, "\"quota root\" shows what is left"},
	};
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (r->code == known[i].code) {
			size_t n = strlen(e->text);
			snprintf(e->text + n, sizeof e->text - n, "; %s", known[i].advice);
		}
}

/* A server may say OK to a part (RFC 9738): what was asked for is not done then. */
static int check_limited(const imap4_cmd *cmd, const char *object, struct err *e)
{
	const imap4_limited *l = imap4_cmd_limited(cmd);
	if (l == NULL)
		return 0;
	return err_set(e, ERR_MAILBOX, E_THROTTLE,
		"%s: the server stopped at its limit of %" PRIu32 " messages; name fewer",
		object != NULL ? object : "the command", l->limit);
}

static int drain(imap4_cmd *cmd, imap_each_fn *each, void *ctx, struct err *e)
{
	const imap4_data *d;
	while (each != NULL && (d = imap4_cmd_next(cmd)) != NULL)
		if (each(ctx, d, e) != 0)
			return -1;
	return 0;
}

int imap_finish(struct imap_call *k, imap4_cmd *cmd, const char *object, imap_each_fn *each,
	void *ctx, struct err *e)
{
	if (cmd == NULL) {
		sync_err_last(e, ERR_MAILBOX, k->s, object);
		/* What cannot be sent is what was written on the command line. */
		if (imap4_last(k->s)->err == IMAP4_E_ARG)
			e->code = E_USAGE;
		return -1;
	}
	while (!imap4_cmd_done(cmd)) {
		imap4_err rc = imap4_pump(k->s, -1);
		if (rc == IMAP4_E_CANCELLED && k->c->interrupt->signal != 0)
			return err_set(e, ERR_ACCOUNT, E_CANCELLED, "stopped by a signal");
		if (drain(cmd, each, ctx, e) != 0)
			return -1;
		if (rc < 0 && rc != IMAP4_E_CANCELLED)
			break;
	}
	if (drain(cmd, each, ctx, e) != 0)
		return -1;
	if (sync_wait(k->s, cmd, ERR_MAILBOX, object, e) == 0)
		return check_limited(cmd, object, e);
	if (imap4_cmd_done(cmd))
		add_advice(imap4_cmd_result(cmd), e);
	return -1;
}

int imap_run(struct imap_call *k, imap4_cmd *cmd, const char *object, imap_each_fn *each, void *ctx,
	struct err *e)
{
	int rc = imap_finish(k, cmd, object, each, ctx, e);
	imap4_cmd_free(cmd);
	return rc;
}

/* ---- names --------------------------------------------------------------------------------------------- */

static int take_delimiter(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	const imap4_list *l = imap4_data_list(d);
	(void)e;
	if (l != NULL)
		k->delimiter = l->delimiter;
	return 0;
}

/* LIST with an empty name tells nothing else (RFC 9051 section 6.3.9). */
static int learn_delimiter(struct imap_call *k, struct err *e)
{
	static const char *const none[] = {""};
	const imap4_list_opts plain = {.struct_size = sizeof plain, .plain = 1};
	if (k->delimiter_known)
		return 0;
	k->delimiter_known = true;
	return imap_run(k, imap4_list_start(k->s, "", none, 1, &plain), "the hierarchy delimiter",
		take_delimiter, k, e);
}

int imap_wire(struct imap_call *k, const char *folder, struct buf *wire, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	buf_init(wire, NAME_MAX_BYTES);
	if (*folder == '\0')
		return err_set(e, ERR_USAGE, E_USAGE, "the name of a folder is empty");
	if (strchr(folder, '/') != NULL && learn_delimiter(k, e) != 0)
		return -1;
	char *own = strdup(folder);
	if (own == NULL)
		return err_nomem(e, "the name of a folder");
	for (char *p = own; k->delimiter != '\0' && *p != '\0'; p++)
		if (*p == '/')
			*p = k->delimiter;
	bool encoded = mutf7_encode(slice_str(own), wire);
	free(own);
	if (encoded)
		return 0;
	return err_set(e, ERR_USAGE, E_USAGE, "\"%s\" is too long or not UTF-8",
		imap_shown(shown, folder));
}

struct search_name {
	imap4_str wire;
	bool found;
};

static int compare_name(void *ctx, const imap4_data *d, struct err *e)
{
	struct search_name *f = ctx;
	const imap4_list *l = imap4_data_list(d);
	(void)e;
	if (l == NULL || (l->attrs & IMAP4_LIST_NONEXISTENT) != 0)
		return 0;
	struct slice a = imap_slice(l->name), b = imap_slice(f->wire);
	f->found = f->found || slice_cmp(a, b) == 0 || (mailbox_is_inbox(a) && mailbox_is_inbox(b));
	return 0;
}

int imap_exists(struct imap_call *k, const char *folder, bool *exists, struct err *e)
{
	struct buf wire;
	int rc = imap_wire(k, folder, &wire, e);
	struct search_name f = {imap_str(&wire), false};
	/* A name with % or * in it is a pattern here: its own line is among the answers. */
	const char *pattern[] = {buf_str(&wire)};
	const imap4_list_opts plain = {.struct_size = sizeof plain, .plain = 1};
	if (rc == 0)
		rc = imap_run(k, imap4_list_start(k->s, "", pattern, 1, &plain),
			"the list of folders", compare_name, &f, e);
	buf_release(&wire);
	*exists = f.found;
	return rc;
}

int imap_must_exist(struct imap_call *k, const char *folder, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	bool exists;
	if (imap_exists(k, folder, &exists, e) != 0)
		return -1;
	if (exists)
		return 0;
	return err_set(e, ERR_MAILBOX, E_MISSING,
		"there is no folder \"%s\"; \"list\" shows the folders there are",
		imap_shown(shown, folder));
}

/* ---- messages ------------------------------------------------------------------------------------------ */

int imap_open(struct imap_call *k, const char *folder, bool writable, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf wire;
	const imap4_select_opts o = {.struct_size = sizeof o, .writable = writable};
	int rc = imap_wire(k, folder, &wire, e);
	if (rc == 0)
		rc = imap_run(k, imap4_select_start(k->s, imap_str(&wire), &o),
			imap_shown(shown, folder), NULL, NULL, e);
	buf_release(&wire);
	const imap4_selected *selected = rc == 0 ? imap4_selected_mailbox(k->s) : NULL;
	if (selected != NULL && writable && selected->read_only)
		return err_set(e, ERR_MAILBOX, E_NO,
			"%s: the server lets this account read only; \"acl myrights\" shows what is allowed",
			imap_shown(shown, folder));
	return rc;
}

/* Members of `found` that were meant. "20:*" names the last message also when its UID is below 20 (RFC 9051 section 9,
 * seq-range): nobody who writes it expects that to be changed or removed. */
static int pick(const struct uidset *found, const struct uidset *wanted, uint32_t open_from,
	bool last, struct uidset *out, struct err *e)
{
	struct uid_range r;
	uint32_t highest = uidset_max(found);
	if (uidset_copy(out, found, e) != 0 || uidset_intersect(out, wanted, e) != 0)
		return -1;
	for (uint32_t at = 0; open_from > 0 && uidset_range_after(found, at, &r); at = r.hi)
		if (r.hi >= open_from &&
			uidset_add_range(out, r.lo > open_from ? r.lo : open_from, r.hi, e) != 0)
			return -1;
	return last && highest > 0 ? uidset_add(out, highest, e) : 0;
}

static int resolve(struct imap_call *k, const char *folder, const struct uidset *wanted,
	uint32_t open_from, bool last, imap4_set *out, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	/* "*" beside an open range is part of it; alone it is the last message, whatever its number (RFC 9051 section 9). */
	const imap4_search_opts o = {.struct_size = sizeof o,
		.by = IMAP4_BY_UID,
		.open_from = last && open_from == 0 ? UINT32_MAX : open_from};
	imap4_cmd *cmd = imap4_search_set_start(k->s, wanted, &o);
	int rc = imap_finish(k, cmd, imap_shown(shown, folder), NULL, NULL, e);
	const imap4_numbers *found = rc == 0 ? imap4_cmd_numbers(cmd) : NULL;
	if (found != NULL && (found->have & IMAP4_HAVE_ALL) != 0)
		rc = pick(found->set, wanted, open_from, last, out, e);
	else if (rc == 0)
		rc = err_set(e, ERR_MAILBOX, E_PROTO,
			"%s: the server does not say which messages there are",
			imap_shown(shown, folder));
	imap4_cmd_free(cmd);
	return rc;
}

int imap_messages(
	struct imap_call *k, const char *folder, const char *text, imap4_set *out, struct err *e)
{
	char shown[TEXT_SHOW_SIZE], set[TEXT_SHOW_SIZE];
	struct uidset wanted = UIDSET_INIT;
	uint32_t open_from;
	bool last;
	int rc = uid_words_parse(text, &wanted, &open_from, &last, e);
	if (rc == 0)
		rc = resolve(k, folder, &wanted, open_from, last, out, e);
	uidset_release(&wanted);
	if (rc == 0 && uidset_is_empty(out))
		rc = err_set(e, ERR_MAILBOX, E_MISSING, "%s has no message with UID %s",
			imap_shown(shown, folder), imap_shown(set, text));
	return rc;
}
