/* SPDX-License-Identifier: MIT */
/*
 * cmd_imap_idle.c -- imapsync imap idle: what the server tells of a folder, as it comes.
 *
 * IDLE is begun anew before a server would take the silence for absence (RFC 2177). A signal is the way to end it, and
 * no failure.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_imap.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/base/uidset.h"
#include "core/imap/imap4_util.h"

#define RENEW_MS (29 * 60 * 1000)
#define END_MS	 5000 /* the server's answer to DONE */
#define LEAST_MS                                                                                   \
	1000 /* an IDLE that the server ends by itself before is not begun anew, for it would go on like that */

/* ---- events ---------------------------------------------------------------------------------------------- */

static void print_flags(const imap4_data *d, const imap4_message *m)
{
	if ((m->have & IMAP4_MSG_UID) != 0)
		printf("UID %" PRIu32, m->uid);
	else
		printf("message %" PRIu32, imap4_data_number(d));
	fputs(" has flags (", stdout);
	imap_print_strs(m->flags, m->nflags);
	puts(")");
}

static void print_removed(const imap4_set *uids)
{
	char *text = uids != NULL ? imap4_set_text(uids) : NULL;
	printf("UID %s removed\n", text != NULL ? text : "?");
	free(text);
}

static void print_event(struct imap_call *k, const imap4_data *d)
{
	char when[UNIT_SIZE];
	const imap4_message *m = imap4_data_message(d);
	uint32_t number = imap4_data_number(d);
	printf("%s  ", unit_time(when, clock_wall()));
	switch ((int)imap4_data_kind(d)) {
	case IMAP4_DATA_EXISTS:
		printf("%" PRIu32 " %s\n", number, plural(number, "message", "messages"));
		break;
	case IMAP4_DATA_RECENT: printf("%" PRIu32 " recent\n", number); break;
	case IMAP4_DATA_EXPUNGE: printf("message %" PRIu32 " removed\n", number); break;
	case IMAP4_DATA_VANISHED: print_removed(imap4_data_numbers(d)->set); break;
	default:
		if (m != NULL && (m->have & IMAP4_MSG_FLAGS) != 0)
			print_flags(d, m);
		else
			imap_show_data(k, d);
	}
}

static void add_event(struct json *j, const imap4_data *d)
{
	const imap4_message *m = imap4_data_message(d);
	const imap4_numbers *n = imap4_data_numbers(d);
	json_begin(j, NULL, '{');
	json_add_u64(j, "time", (uint64_t)clock_wall());
	json_add_str(j, "event", imap4_data_name(d));
	if (imap4_data_number(d) != 0 || imap4_data_kind(d) == IMAP4_DATA_EXISTS)
		json_add_u64(j, "number", imap4_data_number(d));
	if (m != NULL && (m->have & IMAP4_MSG_UID) != 0)
		json_add_u64(j, "uid", m->uid);
	if (m != NULL && (m->have & IMAP4_MSG_FLAGS) != 0)
		imap_add_strs(j, "flags", m->flags, m->nflags);
	if (n != NULL && n->set != NULL)
		json_add_set(j, "uids", n->set);
	json_end(j);
}

/* Lines such as "* OK Still here" keep the connection alive and tell nothing. */
static void on_event(void *ctx, const imap4_data *d)
{
	struct imap_call *k = ctx;
	if (imap4_data_kind(d) == IMAP4_DATA_STATE || imap4_selected_mailbox(k->s) == NULL)
		return;
	if (k->c->json)
		add_event(&k->json, d);
	else
		print_event(k, d);
	fflush(stdout);
}

/* ---- the command ----------------------------------------------------------------------------------------- */

/* Nobody wants more: a signal came, or nobody reads any more (main() says so). */
static bool is_over(const struct imap_call *k)
{
	return k->c->interrupt->signal != 0 || ferror(stdout) != 0;
}

/* One IDLE, until `deadline` or a signal. 1: it may be begun anew; 0: the end; -1: *e. */
static int idle_once(struct imap_call *k, int64_t deadline, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	int64_t begun = clock_now(NULL), renew = clock_deadline(NULL, RENEW_MS);
	int64_t until = renew < deadline ? renew : deadline;
	imap4_cmd *cmd = imap4_idle_start(k->s);
	while (cmd != NULL && !imap4_cmd_done(cmd) && !is_over(k) && clock_left(NULL, until) != 0)
		if (imap4_pump(k->s, clock_left(NULL, until)) < 0 &&
			imap4_session_state(k->s) == IMAP4_DEAD)
			break;
	bool ended = is_over(k) || clock_left(NULL, deadline) == 0;
	bool refused = cmd != NULL && imap4_cmd_done(cmd) && clock_now(NULL) - begun < LEAST_MS;
	if (cmd != NULL && !imap4_cmd_done(cmd)) {
		(void)imap4_idle_done(cmd);
		(void)imap4_cmd_wait(cmd, END_MS);
	}
	/* Who leaves does not ask how the server took it. */
	bool leave = ended && cmd != NULL &&
		(!imap4_cmd_done(cmd) || imap4_cmd_result(cmd)->err == IMAP4_OK);
	int rc = leave ? 0 : imap_finish(k, cmd, imap_shown(shown, k->arg[0]), NULL, NULL, e);
	imap4_cmd_free(cmd);
	if (rc == 0 && refused && !ended)
		return err_set(e, ERR_CONNECTION, E_PROTO, "%s: the server ends IDLE by itself",
			imap_shown(shown, k->arg[0]));
	return rc != 0 ? -1 : !ended;
}

int imap_idle(struct imap_call *k, struct err *e)
{
	int64_t deadline =
		k->c->idle_for > 0 ? clock_deadline(NULL, k->c->idle_for * 1000) : DEADLINE_NEVER;
	if (imap_open(k, k->arg[0], false, e) != 0)
		return -1;
	int rc;
	do
		rc = idle_once(k, deadline, e);
	while (rc > 0);
	return rc;
}

void imap_idle_prepare(struct imap_call *k)
{
	k->account.data = on_event;
	k->account.data_ctx = k;
}
