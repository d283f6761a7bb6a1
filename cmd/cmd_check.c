/* SPDX-License-Identifier: MIT */
/* cmd_check.c -- imapsync check: connect, log in, and explain what a backup would do. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cmd/exit.h"
#include "cmd/remote.h"
#include "core/base/clock.h"
#include "core/base/text.h"

static void print_security(imap4_session *s, const struct config_account *a)
{
	char subject[256], issuer[256], pin[45], when[UNIT_SIZE], age[UNIT_SIZE];
	int64_t not_after = 0;
	if (imap4_tls(s)[0] == '\0') {
		printf("  encryption    none%s\n",
			a->tunnel.n > 0 ? " (the tunnel's business)" : "");
		return;
	}
	printf("  encryption    %s%s\n", imap4_tls(s),
		a->security == IMAP4_STARTTLS ? " by STARTTLS" : "");
	if (imap4_tls_peer(s, subject, issuer, sizeof subject, &not_after)) {
		printf("  certificate   %s\n", subject);
		printf("  issued by     %s\n", issuer);
		printf("  valid until   %s (%s from now)\n", unit_time(when, not_after),
			unit_age(age, not_after - clock_wall()));
	}
	if (imap4_tls_pin(s, pin))
		printf("  key pin       %s\n", pin);
}

static void print_server(imap4_session *s)
{
	static const struct {
		const char *name, *meaning;
	} useful[] = {
		{"LIST-STATUS", "all folders checked in one round trip"},
		{"CONDSTORE", "unchanged folders need no look at their messages"},
		{"QRESYNC", "deletions listed by the server"},
		{"ESEARCH", "compact lists of messages"},
		{"OBJECTID", "messages recognised when they move"},
		{"STATUS=SIZE", "sizes of folders"},
		{"SPECIAL-USE", "Sent, Trash, Junk known by role"},
		{"UIDPLUS", "restore without searching"},
		{"MULTIAPPEND", "fast restore"},
	};
	char shown[TEXT_SHOW_SIZE];
	imap4_str hello = imap4_greeting(s);
	text_show(shown, sizeof shown, slice_of(hello.ptr, hello.len));
	printf("  greeting      %s\n", shown);
	printf("  extensions\n");
	for (size_t i = 0; i < sizeof useful / sizeof useful[0]; i++)
		printf("    %-12s %-4s %s\n", useful[i].name,
			imap4_has(s, useful[i].name) ? "yes" : "no", useful[i].meaning);
}

static void print_compression(const struct remote *r)
{
	const char *why = "";
	int64_t asked = clock_now(clock_monotonic());
	imap4_cmd *c = imap4_noop_start(r->session);
	imap4_err rc = c != NULL ? imap4_cmd_wait(c, -1) : IMAP4_E_STATE;
	imap4_cmd_free(c);
	if (rc != IMAP4_OK)
		return; /* what comes next says why */
	int64_t ms = clock_now(clock_monotonic()) - asked;
	bool on = sync_compresses(&r->account, r->session, ms, &why);
	printf("  compression   %s: %s (an answer takes %" PRId64 " ms)\n", on ? "yes" : "no", why,
		ms);
}

static void print_capabilities(struct cli *c, imap4_session *s)
{
	if (c->out.level < OUTPUT_VERBOSE)
		return;
	printf("  capabilities ");
	for (size_t i = 0; imap4_capability(s, i).ptr != NULL; i++) {
		char shown[TEXT_SHOW_SIZE];
		imap4_str cap = imap4_capability(s, i);
		printf(" %s", text_show(shown, sizeof shown, slice_of(cap.ptr, cap.len)));
	}
	putchar('\n');
}

static int print_folders(struct remote *r, const struct sync_folders *f)
{
	uint64_t selected = 0, skipped = 0, messages = 0, bytes = 0, bad = 0;
	bool sized = true;
	char count[UNIT_SIZE], size[UNIT_SIZE];
	for (size_t i = 0; i < f->n; i++) {
		const struct sync_folder *m = &f->at[i];
		if (!m->selectable)
			continue;
		if (!m->selected) {
			skipped++;
			continue;
		}
		selected++;
		messages += m->messages;
		bytes += m->size;
		sized = sized && (m->have & IMAP4_ST_SIZE) != 0;
		if (m->refusal.len > 0) {
			bad++;
			output_note(&r->cli->out, SYNC_NOTE_PROBLEM, buf_str(&m->refusal));
		}
	}
	printf("  would back up %" PRIu64 " %s, %s %s", selected,
		plural(selected, "folder", "folders"), unit_count(count, messages),
		plural(messages, "message", "messages"));
	if (sized && selected > 0)
		printf(", %s", unit_bytes(size, bytes));
	if (skipped > 0)
		printf(" (%" PRIu64 " %s left out by the configuration)", skipped,
			plural(skipped, "folder", "folders"));
	putchar('\n');
	return bad > 0 ? EXIT_PARTIAL : EXIT_OK;
}

static int look(struct remote *r)
{
	const struct config_account *a = r->config;
	printf("%s: login %s\n", a->name,
		imap4_preauth(r->session) ? "not needed (PREAUTH)" : "OK");
	print_security(r->session, a);
	print_server(r->session);
	print_compression(r);
	print_capabilities(r->cli, r->session);
	int status = remote_folders(r, imap4_has(r->session, "STATUS=SIZE"), print_folders);
	const struct shown_path path = shown_path(a->path);
	printf("  archive       %s%s%s\n", path.home, path.rest,
		access(a->path, F_OK) == 0 ? "" : " (will be created)");
	return status;
}

static int check_one(struct cli *c, struct config_account *a)
{
	return remote_session(c, a, look);
}

int cmd_check(struct cli *c)
{
	return cli_each(c, check_one);
}
