/* SPDX-License-Identifier: MIT */
/* cmd_imap_message.c -- imapsync imap: copy, move, store, expunge. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd_imap.h"
#include "core/base/text.h"
#include "core/base/uidset.h"
#include "core/imap/imap4_util.h"

/* What a change is about: the messages, as a set and as text. */
struct target {
	struct uidset uids;
	char *text;
};

static void target_release(struct target *t)
{
	uidset_release(&t->uids);
	free(t->text);
}

/* The folder is open; `text` may be NULL when the set is filled in already. */
static int target_resolve(struct imap_call *k, struct target *t, const char *text, struct err *e)
{
	if (text != NULL && imap_messages(k, k->arg[0], text, &t->uids, e) != 0)
		return -1;
	t->text = imap_set_shown(&t->uids, e);
	return t->text == NULL ? -1 : 0;
}

static int open_target(struct imap_call *k, struct target *t, struct err *e)
{
	return imap_open(k, k->arg[0], !k->c->dry_run, e) != 0 ? -1
							       : target_resolve(k, t, k->arg[1], e);
}

static void add_target(struct imap_call *k, const struct target *t)
{
	if (!k->c->json)
		return;
	json_add_text(&k->json, "folder", slice_str(k->arg[0]));
	json_add_u64(&k->json, "messages", uidset_count(&t->uids));
	json_add_set(&k->json, "uids", &t->uids);
}

/* ---- copy and move ------------------------------------------------------------------------------------- */

/* COPY and MOVE tell where the messages are now (RFC 4315 section 3), if the server can. */
static int report_copied(struct imap_call *k, const imap4_cmd *cmd, char **became, struct err *e)
{
	const imap4_copied *copied = imap4_cmd_copied(cmd);
	*became = NULL;
	if (copied == NULL)
		return 0;
	*became = imap_set_shown(copied->to, e);
	if (k->c->json)
		json_add_set(&k->json, "new_uids", copied->to);
	return *became == NULL ? -1 : 0;
}

typedef imap4_cmd *copy_fn(
	imap4_session *s, const imap4_set *set, imap4_str mailbox, const imap4_copy_opts *o);

static int transfer(
	struct imap_call *k, const struct target *t, copy_fn *start, char **became, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct buf to;
	const imap4_copy_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	imap4_cmd *cmd = NULL;
	int rc = imap_wire(k, k->arg[2], &to, e);
	if (rc == 0) {
		cmd = start(k->s, &t->uids, imap_str(&to), &o);
		rc = imap_finish(k, cmd, imap_shown(shown, k->arg[2]), NULL, NULL, e);
	}
	if (rc == 0)
		rc = report_copied(k, cmd, became, e);
	imap4_cmd_free(cmd);
	buf_release(&to);
	return rc;
}

/* Without MOVE (RFC 6851): copy, mark, and remove exactly these. A failure on the way leaves them in both folders. */
static int move_by_hand(struct imap_call *k, const struct target *t, char **became, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const imap4_str deleted = {"\\Deleted", 8};
	const imap4_store_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID, .silent = 1};
	imap_shown(shown, k->arg[0]);
	if (transfer(k, t, imap4_copy_start, became, e) != 0)
		return -1;
	if (imap_run(k, imap4_store_start(k->s, &t->uids, IMAP4_FLAGS_ADD, &deleted, 1, &o), shown,
		    NULL, NULL, e) != 0 ||
		imap_run(k, imap4_uid_expunge_start(k->s, &t->uids, 0), shown, NULL, NULL, e) != 0)
		return err_context(e, "the messages were copied, but not all removed");
	return 0;
}

static int move(struct imap_call *k, const struct target *t, char **became, struct err *e)
{
	if (imap4_has(k->s, "MOVE") || imap4_has(k->s, "IMAP4rev2"))
		return transfer(k, t, imap4_move_start, became, e);
	if (imap4_has(k->s, "UIDPLUS"))
		return move_by_hand(k, t, became, e);
	return err_set(e, ERR_MAILBOX, E_INVALID,
		"the server offers neither MOVE nor UIDPLUS, so single messages cannot be removed");
}

static int copy_or_move(struct imap_call *k, bool moves, struct err *e)
{
	char from[TEXT_SHOW_SIZE], to[TEXT_SHOW_SIZE], *became = NULL;
	struct target t = {UIDSET_INIT, NULL};
	int rc = open_target(k, &t, e);
	if (rc == 0) {
		add_target(k, &t);
		if (k->c->json)
			json_add_text(&k->json, "to", slice_str(k->arg[2]));
		rc = k->c->dry_run ? imap_must_exist(k, k->arg[2], e)
			: moves	   ? move(k, &t, &became, e)
				   : transfer(k, &t, imap4_copy_start, &became, e);
	}
	uint64_t n = uidset_count(&t.uids);
	if (rc == 0)
		imap_say(k, moves ? "moved" : "copied", moves ? "would move" : "would copy",
			"%" PRIu64 " %s of %s (UID %.200s) to %s%s%.200s%s", n,
			plural(n, "message", "messages"), imap_shown(from, k->arg[0]), t.text,
			imap_shown(to, k->arg[2]), became != NULL ? " (UID " : "",
			became != NULL ? became : "", became != NULL ? ")" : "");
	free(became);
	target_release(&t);
	return rc;
}

int imap_copy(struct imap_call *k, struct err *e)
{
	return copy_or_move(k, false, e);
}

int imap_move(struct imap_call *k, struct err *e)
{
	return copy_or_move(k, true, e);
}

/* ---- store --------------------------------------------------------------------------------------------- */

static const char *const how_names[] = {[IMAP4_FLAGS_REPLACE] = "FLAGS",
	[IMAP4_FLAGS_ADD] = "+FLAGS",
	[IMAP4_FLAGS_REMOVE] = "-FLAGS"};

/* -1: none of them. */
static int find_how(const char *word)
{
	for (int how = IMAP4_FLAGS_REPLACE; how <= IMAP4_FLAGS_REMOVE; how++)
		if (strcasecmp(how_names[how], word) == 0)
			return how;
	return -1;
}

static bool keeps(const imap4_selected *box, imap4_str flag)
{
	for (size_t i = 0; i < box->npermanent_flags; i++) {
		imap4_str kept = box->permanent_flags[i];
		bool any = flag.ptr[0] != '\\' && slice_eq_str(imap_slice(kept), "\\*");
		if (any || (kept.len == flag.len && strncasecmp(kept.ptr, flag.ptr, flag.len) == 0))
			return true;
	}
	return false;
}

/* A flag that the server forgets at the end of the session is no change (RFC 9051 section 7.1, PERMANENTFLAGS). EXAMINE,
 * for --dry-run, may tell of none. */
static int check_flags(struct imap_call *k, const imap4_str *flag, size_t n, struct err *e)
{
	char shown[TEXT_SHOW_SIZE], folder[TEXT_SHOW_SIZE];
	const imap4_selected *box = imap4_selected_mailbox(k->s);
	bool told = box != NULL && box->permanent_flags != NULL;
	for (size_t i = 0; i < n && told && !k->c->dry_run; i++)
		if (!keeps(box, flag[i]))
			return err_set(e, ERR_MAILBOX, E_NO,
				"%s: the server does not keep the flag %s",
				imap_shown(folder, k->arg[0]),
				text_show(shown, sizeof shown, imap_slice(flag[i])));
	return 0;
}

static int take_flags(void *ctx, const imap4_data *d, struct err *e)
{
	struct imap_call *k = ctx;
	const imap4_message *m = imap4_data_message(d);
	(void)e;
	if (m == NULL || !k->c->json || (m->have & IMAP4_MSG_UID) == 0)
		return 0;
	json_begin(&k->json, NULL, '{');
	json_add_u64(&k->json, "uid", m->uid);
	imap_add_strs(&k->json, "flags", m->flags, m->nflags);
	json_end(&k->json);
	return 0;
}

static int store(struct imap_call *k, const struct target *t, int how, const imap4_str *flag,
	size_t n, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const imap4_store_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	if (k->c->json)
		json_begin(&k->json, "now", '[');
	if (imap_run(k, imap4_store_start(k->s, &t->uids, how, flag, n, &o),
		    imap_shown(shown, k->arg[0]), take_flags, k, e) != 0)
		return -1;
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

static void say_stored(
	struct imap_call *k, const struct target *t, int how, const imap4_str *flag, size_t nflags)
{
	char folder[TEXT_SHOW_SIZE], shown[TEXT_SHOW_SIZE];
	struct buf flags = BUF_INIT(4096);
	uint64_t n = uidset_count(&t->uids);
	for (size_t i = 0; i < nflags; i++)
		buf_addf(&flags, "%s%s", i > 0 ? " " : "",
			text_show(shown, sizeof shown, imap_slice(flag[i])));
	imap_say(k, "stored", "would store", "%s (%s) on %" PRIu64 " %s of %s (UID %.200s)",
		how_names[how], buf_str(&flags), n, plural(n, "message", "messages"),
		imap_shown(folder, k->arg[0]), t->text);
	buf_release(&flags);
}

int imap_store(struct imap_call *k, struct err *e)
{
	struct target t = {UIDSET_INIT, NULL};
	char shown[TEXT_SHOW_SIZE];
	size_t n = k->n - 3;
	int how = find_how(k->arg[2]);
	if (how < 0)
		return err_set(e, ERR_USAGE, E_USAGE, "\"%s\" is not +FLAGS, -FLAGS or FLAGS",
			imap_shown(shown, k->arg[2]));
	if (n == 0 && how != IMAP4_FLAGS_REPLACE)
		return err_set(e, ERR_USAGE, E_USAGE, "which flags? Only FLAGS can be without any");
	imap4_str *flag = calloc(n + 1, sizeof *flag);
	if (flag == NULL)
		return err_nomem(e, "the flags");
	for (size_t i = 0; i < n; i++)
		flag[i] = imap_flag(k->arg[3 + i]);
	int rc = open_target(k, &t, e);
	if (rc == 0)
		rc = check_flags(k, flag, how == IMAP4_FLAGS_REMOVE ? 0 : n, e);
	if (rc == 0) {
		add_target(k, &t);
		if (k->c->json) {
			json_add_text(&k->json, "how", slice_str(how_names[how]));
			imap_add_strs(&k->json, "flags", flag, n);
		}
		if (!k->c->dry_run)
			rc = store(k, &t, how, flag, n, e);
	}
	if (rc == 0)
		say_stored(k, &t, how, flag, n);
	free(flag);
	target_release(&t);
	return rc;
}

/* ---- expunge ------------------------------------------------------------------------------------------- */

static int take_deleted(void *ctx, const imap4_data *d, struct err *e)
{
	struct uidset *deleted = ctx;
	const imap4_message *m = imap4_data_message(d);
	if (m == NULL || (m->have & IMAP4_MSG_UID) == 0)
		return 0;
	for (size_t i = 0; i < m->nflags; i++)
		if (slice_ieq_str(imap_slice(m->flags[i]), "\\Deleted"))
			return uidset_add(deleted, m->uid, e);
	return 0;
}

/* Which messages of the folder, or of the set, EXPUNGE would remove. */
static int find_deleted(struct imap_call *k, struct target *t, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	const imap4_fetch_opts o = {.struct_size = sizeof o, .by = IMAP4_BY_UID};
	struct uidset all = UIDSET_INIT;
	const imap4_selected *box = imap4_selected_mailbox(k->s);
	if (k->n < 2 && box != NULL && box->exists == 0)
		return target_resolve(k, t, NULL, e);
	int rc = imap_messages(k, k->arg[0], k->n > 1 ? k->arg[1] : "1:*", &all, e);
	if (rc == 0)
		rc = imap_run(k, imap4_fetch_start(k->s, &all, "UID FLAGS", &o),
			imap_shown(shown, k->arg[0]), take_deleted, &t->uids, e);
	uidset_release(&all);
	return rc == 0 ? target_resolve(k, t, NULL, e) : -1;
}

/* Exactly those that were found and are reported. Without UIDPLUS only the whole folder can be expunged. */
static int expunge(struct imap_call *k, const struct target *t, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	imap_shown(shown, k->arg[0]);
	if (imap4_has(k->s, "UIDPLUS") || imap4_has(k->s, "IMAP4rev2") || k->n > 1)
		return imap_run(
			k, imap4_uid_expunge_start(k->s, &t->uids, 0), shown, NULL, NULL, e);
	return imap_run(k, imap4_expunge_start(k->s), shown, NULL, NULL, e);
}

int imap_expunge(struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	struct target t = {UIDSET_INIT, NULL};
	int rc = imap_open(k, k->arg[0], !k->c->dry_run, e);
	if (rc == 0)
		rc = find_deleted(k, &t, e);
	if (rc == 0) {
		add_target(k, &t);
		if (!k->c->dry_run && !uidset_is_empty(&t.uids))
			rc = expunge(k, &t, e);
	}
	uint64_t n = uidset_count(&t.uids);
	if (rc == 0)
		imap_say(k, "removed", "would remove", "%" PRIu64 " %s of %s%s%.200s%s", n,
			plural(n, "message", "messages"), imap_shown(shown, k->arg[0]),
			n > 0 ? " (UID " : "", t.text, n > 0 ? ")" : "");
	target_release(&t);
	return rc;
}
