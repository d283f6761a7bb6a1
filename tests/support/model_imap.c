/* SPDX-License-Identifier: MIT */
/*
 * model_imap.c -- the account, and what tests do to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/support/model_internal.h"

#define FIXED_DATE "17-Jul-2019 02:44:25 -0700"

static void free_message(struct model_message *msg)
{
	free(msg->flags);
	free(msg->date);
	free(msg->bytes);
}

static void free_mailbox(struct model_mailbox *b)
{
	for (size_t i = 0; i < b->n; i++)
		free_message(&b->msg[i]);
	free(b->msg);
	free(b->name);
	free(b->attributes);
	free(b);
}

struct model_imap *model_new(void)
{
	struct model_imap *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	pthread_mutex_init(&m->lock, NULL);
	m->capabilities = strdup(MODEL_CAPABILITIES);
	struct fake_handler h = model_handler;
	h.ctx = m;
	m->fake = fake_imap_handle(&h, NULL);
	if (!m->fake) {
		model_free(m);
		return NULL;
	}
	return m;
}

void model_free(struct model_imap *m)
{
	if (!m)
		return;
	if (m->fake)
		(void)fake_imap_end(m->fake, NULL, 0);
	while (m->first) {
		struct model_mailbox *b = m->first;
		m->first = b->next;
		free_mailbox(b);
	}
	free(m->capabilities);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

uint16_t model_port(const struct model_imap *m)
{
	return fake_imap_port(m->fake);
}

static void lock(struct model_imap *m)
{
	pthread_mutex_lock(&m->lock);
}

static void unlock(struct model_imap *m)
{
	pthread_mutex_unlock(&m->lock);
}

static void replace(char **at, const char *text)
{
	free(*at);
	*at = strdup(text);
}

void model_capabilities(struct model_imap *m, const char *capabilities)
{
	lock(m);
	replace(&m->capabilities, capabilities);
	unlock(m);
}

bool model_has(const struct model_imap *m, const char *capability)
{
	size_t n = strlen(capability);
	for (const char *p = m->capabilities; (p = strcasestr(p, capability)) != NULL; p += n) {
		bool starts = p == m->capabilities || p[-1] == ' ';
		if (starts && (p[n] == ' ' || p[n] == '\0'))
			return true;
	}
	return false;
}

/* ---- mailboxes ----------------------------------------------------------------------------- */

static bool same_name(const char *a, const char *b)
{
	return strcmp(a, b) == 0 || (strcasecmp(a, "INBOX") == 0 && strcasecmp(b, "INBOX") == 0);
}

struct model_mailbox *model_find(const struct model_imap *m, const char *name)
{
	struct model_mailbox *b = m->first;
	while (b && !same_name(b->name, name))
		b = b->next;
	return b;
}

size_t model_find_uid(const struct model_mailbox *b, uint32_t uid)
{
	size_t low = 0, high = b->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (b->msg[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < b->n && b->msg[low].uid == uid ? low : b->n;
}

void model_mailbox(struct model_imap *m, const char *name, uint32_t uidvalidity)
{
	struct model_mailbox *b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	b->name = strdup(name);
	b->attributes = strdup("");
	b->subscribed = true;
	b->uidvalidity = uidvalidity;
	b->uidnext = 1;
	b->modseq = 1;
	lock(m);
	struct model_mailbox **at = &m->first;
	while (*at)
		at = &(*at)->next;
	*at = b;
	unlock(m);
}

void model_attributes(struct model_imap *m, const char *name, const char *attributes)
{
	lock(m);
	replace(&model_find(m, name)->attributes, attributes);
	unlock(m);
}

void model_subscribe(struct model_imap *m, const char *name, bool subscribed)
{
	lock(m);
	model_find(m, name)->subscribed = subscribed;
	unlock(m);
}

void model_drop_mailbox(struct model_imap *m, const char *name)
{
	lock(m);
	struct model_mailbox **at = &m->first;
	while (*at && !same_name((*at)->name, name))
		at = &(*at)->next;
	struct model_mailbox *b = *at;
	if (b) {
		*at = b->next;
		free_mailbox(b);
	}
	unlock(m);
}

void model_rename(struct model_imap *m, const char *from, const char *to)
{
	lock(m);
	replace(&model_find(m, from)->name, to);
	unlock(m);
}

void model_new_uidvalidity(
	struct model_imap *m, const char *name, uint32_t uidvalidity, bool renumber)
{
	lock(m);
	struct model_mailbox *b = model_find(m, name);
	b->uidvalidity = uidvalidity;
	for (size_t i = 0; renumber && i < b->n; i++)
		b->msg[i].uid = (uint32_t)i + 1;
	if (renumber)
		b->uidnext = (uint32_t)b->n + 1;
	unlock(m);
}

void model_uidnext(struct model_imap *m, const char *mailbox, uint32_t uidnext)
{
	lock(m);
	model_find(m, mailbox)->uidnext = uidnext;
	unlock(m);
}

/* ---- messages ------------------------------------------------------------------------------ */

static uint32_t add(struct model_imap *m, const char *mailbox, const void *bytes, size_t n,
	const char *flags, const char *date)
{
	struct model_mailbox *b = model_find(m, mailbox);
	if (b->n == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 64;
		b->msg = realloc(b->msg, b->cap * sizeof(*b->msg));
	}
	struct model_message *msg = b->msg ? &b->msg[b->n++] : NULL;
	if (!msg)
		abort();
	*msg = (struct model_message){.uid = b->uidnext++,
		.modseq = ++b->modseq,
		.id = ++m->next_id,
		.flags = strdup(flags ? flags : ""),
		.date = strdup(date ? date : FIXED_DATE),
		.bytes = malloc(n + 1),
		.n = n};
	if (!msg->bytes)
		abort();
	memcpy(msg->bytes, bytes, n);
	return msg->uid;
}

uint32_t model_add(struct model_imap *m, const char *mailbox, const void *bytes, size_t n,
	const char *flags, const char *date)
{
	lock(m);
	uint32_t uid = add(m, mailbox, bytes, n, flags, date);
	unlock(m);
	return uid;
}

uint32_t model_add_many(struct model_imap *m, const char *mailbox, unsigned n, size_t size)
{
	lock(m);
	uint32_t uid = 0;
	for (unsigned i = 0; i < n; i++) {
		char *text = malloc(size + 512);
		if (!text)
			abort();
		uint32_t next = model_find(m, mailbox)->uidnext;
		int head = snprintf(text, 512,
			"Message-ID: <%u.%s@model.invalid>\r\nSubject: message %u\r\n\r\n", next,
			mailbox, next);
		size_t len = (size_t)head;
		char name[64];
		(void)snprintf(name, sizeof(name), "%u %.40s", next, mailbox);
		/* Different lengths too: matching by size must have something to tell apart. */
		for (size_t k = 0, body = size + next % 61; len < body || len < (size_t)head + 2;
			k++)
			text[len++] = (char)fake_literal(name, k);
		text[len - 2] = '\r';
		text[len - 1] = '\n';
		uid = add(m, mailbox, text, len, NULL, NULL);
		free(text);
	}
	unlock(m);
	return uid;
}

static struct model_message *message(struct model_imap *m, const char *mailbox, uint32_t uid)
{
	const struct model_mailbox *b = model_find(m, mailbox);
	return &b->msg[model_find_uid(b, uid)];
}

uint32_t model_copy(struct model_imap *m, const char *from, uint32_t uid, const char *to)
{
	lock(m);
	const struct model_message old = *message(m, from, uid);
	uint32_t copy = add(m, to, old.bytes, old.n, old.flags, old.date);
	message(m, to, copy)->id = old.id;
	unlock(m);
	return copy;
}

void model_steal_id(struct model_imap *m, const char *mailbox, uint32_t uid, const char *from,
	uint32_t from_uid)
{
	lock(m);
	message(m, mailbox, uid)->id = message(m, from, from_uid)->id;
	unlock(m);
}

void model_expunge(struct model_imap *m, const char *mailbox, uint32_t uid)
{
	lock(m);
	struct model_mailbox *b = model_find(m, mailbox);
	size_t i = model_find_uid(b, uid);
	if (i < b->n) {
		free_message(&b->msg[i]);
		memmove(&b->msg[i], &b->msg[i + 1], (b->n - i - 1) * sizeof(*b->msg));
		b->n--;
		b->modseq++;
	}
	unlock(m);
}

void model_flags(struct model_imap *m, const char *mailbox, uint32_t uid, const char *flags)
{
	lock(m);
	struct model_mailbox *b = model_find(m, mailbox);
	size_t i = model_find_uid(b, uid);
	if (i < b->n) {
		replace(&b->msg[i].flags, flags);
		b->msg[i].modseq = ++b->modseq;
	}
	unlock(m);
}

size_t model_count_messages(struct model_imap *m, const char *mailbox)
{
	lock(m);
	const struct model_mailbox *b = model_find(m, mailbox);
	size_t n = b ? b->n : 0;
	unlock(m);
	return n;
}

unsigned char *model_message(
	struct model_imap *m, const char *mailbox, size_t i, size_t *n, uint32_t *uid)
{
	unsigned char *copy = NULL;
	lock(m);
	const struct model_mailbox *b = model_find(m, mailbox);
	if (b && i < b->n) {
		copy = malloc(b->msg[i].n + 1);
		if (!copy)
			abort();
		memcpy(copy, b->msg[i].bytes, b->msg[i].n);
		*n = b->msg[i].n;
		*uid = b->msg[i].uid;
	}
	unlock(m);
	return copy;
}

/* ---- faults and counters ------------------------------------------------------------------- */

void model_faults(struct model_imap *m, const struct model_faults *f)
{
	lock(m);
	m->faults = f ? *f : (struct model_faults){.hook = NULL};
	unlock(m);
}

unsigned model_commands(struct model_imap *m, const char *verb)
{
	lock(m);
	unsigned n = verb ? 0 : m->commands;
	for (size_t i = 0; verb && i < MODEL_VERBS; i++) {
		if (strcasecmp(m->count[i].verb, verb) == 0)
			n = m->count[i].n;
	}
	unlock(m);
	return n;
}

static unsigned locked(struct model_imap *m, const unsigned *value)
{
	lock(m);
	unsigned n = *value;
	unlock(m);
	return n;
}

unsigned model_turns(struct model_imap *m)
{
	return locked(m, &m->turns);
}

unsigned model_bodies(struct model_imap *m)
{
	return locked(m, &m->bodies);
}

unsigned model_headers(struct model_imap *m)
{
	return locked(m, &m->headers);
}

unsigned model_connections(struct model_imap *m)
{
	return locked(m, &m->connections);
}

bool model_was_touched(struct model_imap *m)
{
	lock(m);
	bool touched = m->touched;
	unlock(m);
	return touched;
}

void model_counts_reset(struct model_imap *m)
{
	lock(m);
	memset(m->count, 0, sizeof(m->count));
	m->commands = m->bodies = m->headers = m->connections = m->turns = 0;
	m->touched = false;
	unlock(m);
}
