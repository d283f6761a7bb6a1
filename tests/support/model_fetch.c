/* SPDX-License-Identifier: MIT */
/*
 * model_fetch.c -- FETCH and SEARCH of the model server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/support/model_internal.h"

struct ask {
	char set[4096];
	bool flags, uid, date, size, modseq, emailid, threadid, gm_msgid, gm_thrid;
	bool body, header, text, no_peek;
	uint64_t changedsince;
};

/* "BODY.PEEK[HEADER]" */
static bool parse_section(struct ask *a, const char *item)
{
	bool peek = strncasecmp(item, "BODY.PEEK[", 10) == 0;
	if (!peek && strncasecmp(item, "BODY[", 5) != 0)
		return false;
	const char *section = item + (peek ? 10 : 5);
	a->no_peek = a->no_peek || !peek;
	if (strcmp(section, "]") == 0)
		a->body = true;
	else if (strcasecmp(section, "HEADER]") == 0)
		a->header = true;
	else if (strcasecmp(section, "TEXT]") == 0)
		a->text = true;
	else
		return false;
	return true;
}

static bool parse_item(const struct model_imap *m, struct ask *a, const struct model_words *w)
{
	struct {
		const char *name;
		bool *field;
		const char *capability;
	} const plain[] = {
		{"FLAGS", &a->flags, NULL},
		{"UID", &a->uid, NULL},
		{"INTERNALDATE", &a->date, NULL},
		{"RFC822.SIZE", &a->size, NULL},
		{"MODSEQ", &a->modseq, "CONDSTORE"},
		{"EMAILID", &a->emailid, "OBJECTID"},
		{"THREADID", &a->threadid, "OBJECTID"},
		{"X-GM-MSGID", &a->gm_msgid, "X-GM-EXT-1"},
		{"X-GM-THRID", &a->gm_thrid, "X-GM-EXT-1"},
	};
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (!model_is(w, plain[i].name))
			continue;
		*plain[i].field = true;
		return !plain[i].capability || model_has(m, plain[i].capability);
	}
	return parse_section(a, w->word);
}

static bool parse_ask(const struct model_imap *m, struct ask *a, struct model_words *w)
{
	if (!model_word(w))
		return false;
	(void)snprintf(a->set, sizeof(a->set), "%s", w->word);
	if (!model_word(w))
		return false;
	bool list = model_is(w, "(");
	while (!list || (model_word(w) && !model_is(w, ")"))) {
		if (!parse_item(m, a, w))
			return false;
		if (!list)
			break;
	}
	if (!model_word(w))
		return true;
	if (!model_is(w, "(") || !model_word(w) || !model_is(w, "CHANGEDSINCE") || !model_word(w) ||
		!model_has(m, "CONDSTORE"))
		return false;
	a->changedsince = strtoull(w->word, NULL, 10);
	a->modseq = true;
	return true;
}

/* What is wrong with this message now; counts it down. */
static enum model_poison poison_of(struct model_imap *m, const char *mailbox, uint32_t uid)
{
	for (size_t i = 0; i < sizeof(m->faults.poison) / sizeof(m->faults.poison[0]); i++) {
		unsigned *times = &m->faults.poison[i].times;
		if (m->faults.poison[i].how == 0 || m->faults.poison[i].uid != uid ||
			(m->faults.poison[i].mailbox &&
				strcasecmp(m->faults.poison[i].mailbox, mailbox) != 0))
			continue;
		enum model_poison how = m->faults.poison[i].how;
		if (*times > 0 && --*times == 0)
			m->faults.poison[i].how = 0;
		return how;
	}
	return 0;
}

static size_t header_size(const struct model_message *msg)
{
	for (size_t i = 0; i + 4 <= msg->n; i++) {
		if (memcmp(msg->bytes + i, "\r\n\r\n", 4) == 0)
			return i + 4;
	}
	return msg->n;
}

static void send_section(struct fake_conn *c, const char *name, const unsigned char *p, size_t n,
	enum model_poison how)
{
	if (how == MODEL_NIL_BODY) {
		fake_sendf(c, " BODY[%s] NIL", name);
		return;
	}
	if (how == MODEL_EMPTY_BODY)
		n = 0;
	else if (how == MODEL_SHORT_BODY)
		n /= 2;
	fake_sendf(c, " BODY[%s] {%zu}\r\n", name, n);
	if (how == MODEL_HANG_UP)
		fake_cut_after(c, n / 2);
	fake_send(c, p, n);
}

static void send_message(struct model_imap *m, struct fake_conn *c, size_t seq,
	const struct model_message *msg, const struct ask *a, enum model_poison how)
{
	uint32_t uid = how == MODEL_WRONG_UID ? msg->uid + 100000 : msg->uid;
	/* A first item makes the spaces before all others right. */
	if (how == MODEL_LATE_UID)
		fake_sendf(c, "* %zu FETCH (X-FIRST NIL", seq);
	else
		fake_sendf(c, "* %zu FETCH (UID %u", seq, uid);
	if (a->flags)
		fake_sendf(c, " FLAGS (%s)", msg->flags);
	if (a->date)
		fake_sendf(c, " INTERNALDATE \"%s\"", msg->date);
	if (a->size)
		fake_sendf(c, " RFC822.SIZE %zu",
			how == MODEL_SIZE_ZERO ? 0 : msg->n + (how == MODEL_WRONG_SIZE));
	if (a->modseq)
		fake_sendf(c, " MODSEQ (%llu)", (unsigned long long)msg->modseq);
	if (a->emailid)
		fake_sendf(c, " EMAILID (M%llu)", (unsigned long long)msg->id);
	if (a->threadid)
		fake_sendf(c, " THREADID NIL");
	if (a->gm_msgid)
		fake_sendf(c, " X-GM-MSGID %llu", (unsigned long long)msg->id);
	if (a->gm_thrid)
		fake_sendf(c, " X-GM-THRID %llu", (unsigned long long)msg->id);
	size_t header = header_size(msg);
	if (a->header)
		send_section(c, "HEADER", msg->bytes, header, 0);
	if (a->text)
		send_section(c, "TEXT", msg->bytes + header, msg->n - header, 0);
	if (a->body)
		send_section(c, "", msg->bytes, msg->n, how);
	m->bodies += a->body;
	m->headers += a->header;
	if (how == MODEL_LATE_UID)
		fake_sendf(c, " UID %u", uid);
	fake_sendf(c, ")\r\n");
}

static bool wanted(const struct model_conn *mc, const struct ask *a, size_t i, bool by_uid,
	const struct model_message *msg)
{
	uint32_t uid = mc->view[i], last = by_uid ? mc->view[mc->nview - 1] : (uint32_t)mc->nview;
	const struct model_faults *f = &mc->m->faults;
	return model_in_set(a->set, by_uid ? uid : (uint32_t)i + 1, last) &&
		msg->modseq > a->changedsince && uid != f->hide_uid && uid != f->hide_uid_always;
}

void model_send_late(struct model_conn *mc, struct fake_conn *c)
{
	const struct ask flags = {.flags = true};
	const struct model_mailbox *b = model_find(mc->m, mc->selected);
	for (size_t i = mc->late_at; i > 0 && b && i < mc->nview; i++) {
		size_t at = model_find_uid(b, mc->view[i]);
		if (at < b->n)
			send_message(mc->m, c, i + 1, &b->msg[at], &flags, 0);
	}
	mc->late_at = 0;
	fake_sendf(c, "%s", mc->late);
	mc->late[0] = '\0';
}

bool model_fetch(struct model_conn *mc, struct fake_conn *c, const char *tag, bool by_uid,
	struct model_words *w)
{
	struct model_imap *m = mc->m;
	struct ask a = {.changedsince = 0};
	if (!parse_ask(m, &a, w)) {
		fake_sendf(c, "%s BAD cannot read this FETCH\r\n", tag);
		return true;
	}
	m->touched = m->touched || a.no_peek;
	const struct model_mailbox *b = model_find(m, mc->selected);
	unsigned sent = 0;
	bool late = (m->faults.late_ok || m->faults.late_half) && !a.body && fake_pending(c);
	bool half = late && m->faults.late_half && strcmp(a.set, "1:*") == 0 && mc->nview > 1;
	for (size_t i = 0; b && b->uidvalidity == mc->uidvalidity && i < mc->nview; i++) {
		size_t at = model_find_uid(b, mc->view[i]);
		if (half && i >= mc->nview / 2) {
			mc->late_at = i;
			break;
		}
		if (at == b->n || !wanted(mc, &a, i, by_uid, &b->msg[at]))
			continue;
		if (m->faults.fetch_cap > 0 && sent++ >= m->faults.fetch_cap)
			break;
		enum model_poison how =
			a.body || a.size ? poison_of(m, b->name, b->msg[at].uid) : 0;
		if (a.body && (how == MODEL_NO || how == MODEL_BAD)) {
			fake_sendf(
				c, "%s %s internal error\r\n", tag, how == MODEL_NO ? "NO" : "BAD");
			return true;
		}
		if (a.body && how == MODEL_NO_BODY)
			continue;
		send_message(m, c, i + 1, &b->msg[at], &a, how);
		if (how == MODEL_TWICE)
			send_message(m, c, i + 1, &b->msg[at], &a, how);
		if (a.body && how == MODEL_HANG_UP)
			return false;
	}
	model_sync(mc, c, by_uid);
	if (!half)
		model_send_late(mc, c);
	if (late)
		(void)snprintf(mc->late, sizeof(mc->late), "%s OK fetched\r\n", tag);
	else
		fake_sendf(c, "%s OK fetched\r\n", tag);
	return true;
}

/* ---- SEARCH -------------------------------------------------------------------------------- */

struct search {
	bool esearch, by_uid_set, by_seq_set;
	char uids[4096], seqs[4096];
};

static bool parse_search(const struct model_imap *m, struct search *s, struct model_words *w)
{
	while (model_word(w)) {
		if (model_is(w, "RETURN")) {
			if (!model_has(m, "ESEARCH"))
				return false;
			s->esearch = true;
			while (model_word(w) && !model_is(w, ")"))
				;
		} else if (model_is(w, "UID")) {
			if (!model_word(w))
				return false;
			s->by_uid_set = true;
			(void)snprintf(s->uids, sizeof(s->uids), "%s", w->word);
		} else if (strspn(w->word, "0123456789:*,") == w->n) {
			s->by_seq_set = true;
			(void)snprintf(s->seqs, sizeof(s->seqs), "%s", w->word);
		} else if (!model_is(w, "ALL")) {
			return false;
		}
	}
	return true;
}

static bool found(const struct model_conn *mc, const struct search *s, size_t i)
{
	uint32_t uid = mc->view[i], last = mc->view[mc->nview - 1];
	return (!s->by_uid_set || model_in_set(s->uids, uid, last)) &&
		(!s->by_seq_set || model_in_set(s->seqs, (uint32_t)i + 1, (uint32_t)mc->nview)) &&
		uid != mc->m->faults.hide_uid_always;
}

void model_search(struct model_conn *mc, struct fake_conn *c, const char *tag, bool by_uid,
	struct model_words *w)
{
	struct search s = {.esearch = false};
	if (!parse_search(mc->m, &s, w)) {
		fake_sendf(c, "%s BAD cannot read this SEARCH\r\n", tag);
		return;
	}
	const struct model_mailbox *b = model_find(mc->m, mc->selected);
	if (s.esearch)
		fake_sendf(c, "* ESEARCH (TAG \"%s\")%s", tag, by_uid ? " UID" : "");
	else
		fake_sendf(c, "* SEARCH");
	unsigned n = 0, cap = mc->m->faults.search_cap;
	for (size_t i = 0; b && i < mc->nview; i++) {
		if (model_find_uid(b, mc->view[i]) == b->n || !found(mc, &s, i) ||
			(cap && n == cap))
			continue;
		const char *before = !s.esearch ? " " : n == 0 ? " ALL " : ",";
		fake_sendf(c, "%s%u", before, by_uid ? mc->view[i] : (uint32_t)i + 1);
		n++;
	}
	fake_sendf(c, "\r\n");
	model_sync(mc, c, by_uid);
	fake_sendf(c, "%s OK searched\r\n", tag);
}
