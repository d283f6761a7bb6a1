/* SPDX-License-Identifier: MIT */
#include "tests/support/typed_log.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/resp_dump.h"

imap4_str typed_str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

void typed_open(struct rig *r)
{
	imap4_cmd *c = imap4_select_start(r->session, typed_str("x"), NULL);
	rig_say(r, "$1 OK x\r\n");
	imap4_cmd_free(c);
	buf_clear(&r->sent);
}

void typed_enabled(struct rig *r, const char *capability)
{
	char line[80];
	(void)snprintf(line, sizeof line, "* ENABLED %s\r\n", capability);
	rig_say(r, line);
	buf_clear(&r->log);
}

imap4_set *typed_set(const char *text)
{
	if (strcmp(text, "$") == 0)
		return (imap4_set *)(uintptr_t)imap4_set_saved();
	imap4_set *set = imap4_set_new();
	cr_assert_eq(imap4_set_parse(set, text), IMAP4_OK, "%s", text);
	return set;
}

void typed_set_free(imap4_set *set)
{
	if (set != imap4_set_saved())
		imap4_set_free(set);
}

static void log_set(struct rig *r, const char *name, const imap4_set *set)
{
	char *text = imap4_set_text(set);
	rig_logf(r, " %s=%s", name, text);
	free(text);
}

static void log_numbers(struct rig *r, const imap4_numbers *n)
{
	rig_logf(r, "numbers%s", n->uid ? " uid" : "");
	if (n->have & IMAP4_WANT_MIN)
		rig_logf(r, " min=%u", n->min);
	if (n->have & IMAP4_WANT_MAX)
		rig_logf(r, " max=%u", n->max);
	if (n->have & IMAP4_WANT_COUNT)
		rig_logf(r, " count=%llu", (unsigned long long)n->count);
	if (n->have & IMAP4_HAVE_MODSEQ)
		rig_logf(r, " modseq=%llu", (unsigned long long)n->modseq);
	if (n->have & IMAP4_WANT_ALL)
		log_set(r, "all", n->set);
	if (n->have & IMAP4_HAVE_PARTIAL) {
		rig_logf(r, " partial=%lld:%lld", (long long)n->partial_first,
			(long long)n->partial_last);
		log_set(r, "of", n->set);
	}
	rig_logf(r, "\n");
}

static void log_results(struct rig *r, const imap4_cmd *c)
{
	const imap4_numbers *n = imap4_cmd_numbers(c);
	if (n != NULL)
		log_numbers(r, n);
	const imap4_sorted *s = imap4_cmd_sorted(c);
	if (s != NULL)
		rig_logf(r, "sorted");
	for (size_t i = 0; s != NULL && i < s->n; i++)
		rig_logf(r, " %u", s->at[i]);
	rig_logf(r, s != NULL ? "\n" : "");
	const imap4_scores *scores = imap4_cmd_scores(c);
	for (size_t i = 0; scores != NULL && i < scores->n; i++)
		rig_logf(r, "%s%u=%u", i == 0 ? "scores " : " ", scores->number[i],
			scores->score[i]);
	rig_logf(r, scores != NULL ? "\n" : "");
	const imap4_limited *l = imap4_cmd_limited(c);
	if (l != NULL) {
		rig_logf(r, "limited to %u, down to %u,", l->limit, l->lowest_uid);
		if (l->left != NULL)
			log_set(r, "left", l->left);
		rig_logf(r, "\n");
	}
	if (imap4_cmd_modseq(c) != 0)
		rig_logf(r, "modseq %llu\n", (unsigned long long)imap4_cmd_modseq(c));
}

void typed_finish(struct rig *r, imap4_cmd *c)
{
	struct buf line = BUF_INIT(1 << 20);
	for (const imap4_data *d; c != NULL && (d = imap4_cmd_next(c)) != NULL;) {
		buf_clear(&line);
		resp_dump(&line, d);
		rig_logf(r, "  %s\n", buf_str(&line));
	}
	buf_release(&line);
	if (c != NULL)
		log_results(r, c);
	rig_finish(r, c);
}

void typed_check(const struct typed_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *why = rig_check(&rows[i].o, rows[i].play, rows[i].sent, rows[i].log);
		cr_expect_null(why, "%s (%zu): %s", rows[i].name, i, why);
		free(why);
	}
}
