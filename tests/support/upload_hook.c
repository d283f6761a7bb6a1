/* SPDX-License-Identifier: MIT */
/* upload_hook.c -- see upload_hook.h. */
#include "tests/support/upload_hook.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UIDVALIDITY 7 /* of what is made */
#define KEPT_MAX    ((size_t)1 << 16)

static bool has(const char *text, const char *part)
{
	return part != NULL && strstr(text, part) != NULL;
}

/* What stands between two marks at p, or nothing; returns what comes behind it and a space. */
static const char *take(const char *p, char open, char end, char *out, size_t size)
{
	*out = '\0';
	if (*p != open)
		return p;
	size_t n = strcspn(p + 1, (const char[]){end, '\0'});
	snprintf(out, size, "%.*s", (int)n, p + 1);
	return p + n + 3;
}

/* A mailbox name, quoted or not. */
static const char *take_name(const char *p, char *out, size_t size)
{
	p += strspn(p, " ");
	if (*p == '"')
		return take(p, '"', '"', out, size) - 1;
	size_t n = strcspn(p, " \r\n");
	snprintf(out, size, "%.*s", (int)n, p);
	return p + n;
}

/* What the server makes of a message. */
static size_t keep(const struct upload_hook *f, const char *p, size_t n, char *out)
{
	char *text = malloc(n + 1);
	size_t k = 0;
	if (text == NULL)
		return 0;
	memcpy(text, p, n);
	text[n] = '\0';
	for (size_t i = 0; i < n && k + 2 < KEPT_MAX; i++) {
		if (f->add_cr && p[i] == '\n' && (i == 0 || p[i - 1] != '\r'))
			out[k++] = '\r';
		out[k++] = p[i];
	}
	if (k > 0 && has(text, f->spoil))
		out[k - 1] = '!';
	free(text);
	return k;
}

static int append(struct upload_hook *f, struct fake_conn *c, const char *tag, const char *p)
{
	static char kept[KEPT_MAX]; /* one command at a time */
	char box[160], uids[2000] = "";
	bool refuse = has(p, f->refuse);
	if (has(p, f->refuse_date)) {
		f->appends++;
		fake_sendf(c, "%s BAD no such day\r\n", tag);
		return 1;
	}
	p = take_name(p, box, sizeof box);
	f->appends++;
	if (f->stop != NULL && f->appends == f->stop_at) {
		f->stop->signal = SIGTERM;
		sync_interrupt_wake(f->stop);
	}
	while (*p == ' ' && !refuse) {
		char *end;
		p = take(p + 1, '(', ')', f->flags, sizeof f->flags);
		p = take(p, '"', '"', f->date, sizeof f->date);
		size_t size = strtoul(p + 1, &end, 10);
		p = strchr(end, '\n') + 1;
		size_t n = keep(f, p, size, kept);
		uint32_t uid = model_add(
			f->m, box, kept, n, f->flags, f->date[0] != '\0' ? f->date : NULL);
		size_t at = strlen(uids);
		snprintf(uids + at, sizeof uids - at, "%s%u", at > 0 ? "," : "", (unsigned)uid);
		p += size;
	}
	if (f->appends == f->cut_append)
		return -1;
	if (refuse)
		fake_sendf(c, "%s NO [LIMIT] this one is refused\r\n", tag);
	else if (f->no_uids)
		fake_sendf(c, "%s OK done\r\n", tag);
	else
		fake_sendf(c, "%s OK [APPENDUID %d %s] done\r\n", tag, UIDVALIDITY, uids);
	return 1;
}

static bool has_parent(const struct upload_hook *f, const char *name)
{
	const char *last = strrchr(name, '/');
	for (size_t i = 0; i < f->creates && i < UPLOAD_FOLDERS && last != NULL; i++) {
		size_t n = strlen(f->created[i]);
		if (n == (size_t)(last - name) && strncmp(f->created[i], name, n) == 0)
			return true;
	}
	return last == NULL;
}

static int create(struct upload_hook *f, struct fake_conn *c, const char *tag, const char *p)
{
	char name[160];
	(void)take_name(p, name, sizeof name);
	if (has(name, f->exists)) {
		fake_sendf(c, "%s NO [ALREADYEXISTS] it is there\r\n", tag);
		return 1;
	}
	if (has(name, f->refuse_create)) {
		fake_sendf(c, "%s NO [CANNOT] not here\r\n", tag);
		return 1;
	}
	if (f->parents_first && !has_parent(f, name)) {
		fake_sendf(c, "%s NO what is above it is not there\r\n", tag);
		return 1;
	}
	model_mailbox(f->m, name, UIDVALIDITY);
	if (f->creates < UPLOAD_FOLDERS)
		snprintf(f->created[f->creates], sizeof f->created[0], "%s", name);
	if (++f->creates == f->cut_create)
		return -1;
	fake_sendf(c, "%s OK done\r\n", tag);
	return 1;
}

static int drop(struct upload_hook *f, struct fake_conn *c, const char *tag, const char *p)
{
	char name[160];
	bool *gone = NULL;
	(void)take_name(p, name, sizeof name);
	if (f->cut_delete)
		return -1;
	for (size_t i = 0; i < f->creates && i < UPLOAD_FOLDERS; i++) {
		size_t n = strlen(name);
		bool below = strncmp(f->created[i], name, n) == 0 && f->created[i][n] == '/';
		if (below && !f->gone[i]) {
			fake_sendf(c, "%s NO [HASCHILDREN] not before %s\r\n", tag, f->created[i]);
			return 1;
		}
		if (strcmp(f->created[i], name) == 0)
			gone = &f->gone[i];
	}
	if (has(name, f->refuse_delete)) {
		fake_sendf(c, "%s NO [INUSE] somebody is in it\r\n", tag);
		return 1;
	}
	model_drop_mailbox(f->m, name);
	if (gone != NULL)
		*gone = true;
	f->deletes++;
	fake_sendf(c, "%s OK done\r\n", tag);
	return 1;
}

static int status(struct upload_hook *f, struct fake_conn *c, const char *tag, const char *p)
{
	char name[160];
	if (f->append_limit == NULL || !has(p, "APPENDLIMIT"))
		return 0;
	(void)take_name(p, name, sizeof name);
	fake_sendf(c, "* STATUS \"%s\" (APPENDLIMIT %s)\r\n%s OK done\r\n", name, f->append_limit,
		tag);
	return 1;
}

static int login(struct upload_hook *f, struct fake_conn *c, const char *tag)
{
	if (++f->logins <= f->max_logins || f->max_logins == 0)
		return 0;
	fake_sendf(c, "%s NO [LIMIT] too many connections\r\n", tag);
	return 1;
}

static int answer(struct upload_hook *f, struct fake_conn *c, const char *tag, const char *verb,
	const char *arguments)
{
	if (strcmp(verb, "APPEND") == 0)
		return append(f, c, tag, arguments);
	if (strcmp(verb, "CREATE") == 0)
		return create(f, c, tag, arguments);
	if (strcmp(verb, "DELETE") == 0)
		return drop(f, c, tag, arguments);
	if (strcmp(verb, "STATUS") == 0)
		return status(f, c, tag, arguments);
	if (strcmp(verb, "LOGIN") == 0 || strcmp(verb, "AUTHENTICATE") == 0)
		return login(f, c, tag);
	if (strcmp(verb, "SUBSCRIBE") != 0)
		return 0;
	f->subscribes++;
	fake_sendf(c, "%s OK done\r\n", tag);
	return 1;
}

static int hook(
	void *ctx, struct fake_conn *c, const char *tag, const char *verb, const char *arguments)
{
	struct upload_hook *f = ctx;
	(void)pthread_mutex_lock(&f->lock);
	bool cut = ++f->commands == f->cut_command;
	int rc = cut && !f->cut_late ? -1 : answer(f, c, tag, verb, arguments);
	(void)pthread_mutex_unlock(&f->lock);
	return cut ? -1 : rc;
}

void upload_hook_init(struct upload_hook *f, struct model_imap *m)
{
	memset(f, 0, sizeof *f);
	f->m = m;
	(void)pthread_mutex_init(&f->lock, NULL);
}

void upload_hook_set(struct upload_hook *f)
{
	const struct model_faults faults = {
		.hook = hook, .hook_ctx = f, .permanent_flags = f->permanent_flags};
	model_faults(f->m, &faults);
}
