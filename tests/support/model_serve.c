/* SPDX-License-Identifier: MIT */
/*
 * model_serve.c -- connections, the words of a command, login and mailbox commands.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "tests/support/model_internal.h"

/* ---- words --------------------------------------------------------------------------------- */

static bool literal_word(struct model_words *w)
{
	char *end;
	unsigned long n = strtoul(w->p + 1, &end, 10);
	if (*end == '+')
		end++;
	if (strncmp(end, "}\r\n", 3) != 0 || n > (unsigned long)(w->end - end - 3) ||
		n >= sizeof(w->word))
		return false;
	memcpy(w->word, end + 3, n);
	w->n = n;
	w->p = end + 3 + n;
	return true;
}

static bool quoted_word(struct model_words *w)
{
	for (w->p++; w->p < w->end && *w->p != '"'; w->p++) {
		if (*w->p == '\\' && w->p + 1 < w->end)
			w->p++;
		if (w->n + 1 < sizeof(w->word))
			w->word[w->n++] = *w->p;
	}
	if (w->p == w->end)
		return false;
	w->p++;
	return true;
}

bool model_word(struct model_words *w)
{
	w->n = 0;
	while (w->p < w->end && *w->p == ' ')
		w->p++;
	bool ok = w->p < w->end;
	if (ok && *w->p == '"') {
		ok = quoted_word(w);
	} else if (ok && *w->p == '{') {
		ok = literal_word(w);
	} else if (ok && (*w->p == '(' || *w->p == ')')) {
		w->word[w->n++] = *w->p++;
	} else if (ok) {
		/* A FETCH item may hold a bracket with spaces and parentheses in it. */
		for (int depth = 0; w->p < w->end && w->n + 1 < sizeof(w->word); w->p++) {
			depth += (*w->p == '[') - (*w->p == ']');
			if (depth == 0 && strchr(" ()", *w->p))
				break;
			w->word[w->n++] = *w->p;
		}
	}
	w->word[w->n] = '\0';
	return ok;
}

bool model_is(const struct model_words *w, const char *word)
{
	return strcasecmp(w->word, word) == 0;
}

bool model_in_set(const char *set, uint32_t n, uint32_t last)
{
	for (const char *p = set; *p;) {
		uint32_t end[2];
		size_t i = 0;
		for (;; i++) {
			char *after;
			end[i] = *p == '*' ? last : (uint32_t)strtoul(p, &after, 10);
			p = *p == '*' ? p + 1 : after;
			if (*p != ':' || i == 1)
				break;
			p++;
		}
		uint32_t low = end[0], high = end[i];
		if (low > high) {
			low = end[i];
			high = end[0];
		}
		if (n >= low && n <= high)
			return true;
		if (*p != ',')
			return false;
		p++;
	}
	return false;
}

bool model_wild(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern == '*' || *pattern == '%') {
		if (model_wild(pattern + 1, name))
			return true;
		return *name && !(*pattern == '%' && *name == '/') && model_wild(pattern, name + 1);
	}
	return *name == *pattern && model_wild(pattern + 1, name + 1);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void send_astring(struct fake_conn *c, const char *s)
{
	if (strpbrk(s, "\r\n")) {
		fake_sendf(c, "{%zu}\r\n", strlen(s));
		fake_send(c, s, strlen(s));
		return;
	}
	fake_send(c, "\"", 1);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fake_send(c, "\\", 1);
		fake_send(c, s, 1);
	}
	fake_send(c, "\"", 1);
}

void model_sync(struct model_conn *mc, struct fake_conn *c, bool expunge)
{
	const struct model_mailbox *b = mc->selected[0] ? model_find(mc->m, mc->selected) : NULL;
	if (!b || b->uidvalidity != mc->uidvalidity)
		return;
	for (size_t i = 0; expunge && i < mc->nview;) {
		if (model_find_uid(b, mc->view[i]) < b->n) {
			i++;
			continue;
		}
		memmove(&mc->view[i], &mc->view[i + 1], (mc->nview - i - 1) * sizeof(*mc->view));
		mc->nview--;
		fake_sendf(c, "* %zu EXPUNGE\r\n", i + 1);
	}
	uint32_t last = mc->nview > 0 ? mc->view[mc->nview - 1] : 0;
	size_t before = mc->nview;
	for (size_t i = 0; i < b->n; i++) {
		if (b->msg[i].uid <= last)
			continue;
		uint32_t *view = realloc(mc->view, (mc->nview + 1) * sizeof(*view));
		if (!view)
			abort();
		mc->view = view;
		view[mc->nview++] = b->msg[i].uid;
	}
	if (mc->nview != before)
		fake_sendf(c, "* %zu EXISTS\r\n", mc->nview);
}

static bool is_fault(const char *fault, const char *name)
{
	return fault && strcasecmp(fault, name) == 0;
}

static void ok(struct fake_conn *c, const char *tag, const char *text)
{
	fake_sendf(c, "%s OK %s\r\n", tag, text);
}

static void bad(struct model_conn *mc, struct fake_conn *c, const char *tag)
{
	for (size_t i = 0; i < MODEL_VERBS; i++) {
		if (!mc->m->count[i].verb[0])
			(void)snprintf(mc->m->count[i].verb, sizeof(mc->m->count[i].verb), "BAD");
		if (strcmp(mc->m->count[i].verb, "BAD") == 0) {
			mc->m->count[i].n++;
			break;
		}
	}
	fake_sendf(c, "%s BAD unknown command or arguments\r\n", tag);
}

/* ---- login --------------------------------------------------------------------------------- */

static void log_in(struct model_conn *mc, struct fake_conn *c, const char *tag, bool right)
{
	if (mc->m->faults.refuse_login || !right) {
		fake_sendf(c, "%s NO [AUTHENTICATIONFAILED] wrong user name or password\r\n", tag);
		return;
	}
	mc->logged_in = true;
	fake_sendf(c, "%s OK [CAPABILITY %s] logged in\r\n", tag, mc->m->capabilities);
}

static void do_login(
	struct model_conn *mc, struct fake_conn *c, const char *tag, struct model_words *w)
{
	bool right = model_word(w) && strcmp(w->word, MODEL_USER) == 0;
	right = model_word(w) && strcmp(w->word, MODEL_PASSWORD) == 0 && right;
	log_in(mc, c, tag, right);
}

static void do_authenticate(
	struct model_conn *mc, struct fake_conn *c, const char *tag, struct model_words *w)
{
	char line[2048];
	if (!model_word(w) || !model_is(w, "PLAIN")) {
		fake_sendf(c, "%s NO no such mechanism\r\n", tag);
		return;
	}
	if (model_word(w)) {
		(void)snprintf(line, sizeof(line), "%.2000s", w->word);
	} else {
		fake_sendf(c, "+ \r\n");
		/* Nothing of the account is looked at before the lock is taken again. */
		pthread_mutex_unlock(&mc->m->lock);
		int rc = fake_read_line(c, line, sizeof(line));
		pthread_mutex_lock(&mc->m->lock);
		if (rc < 0)
			return;
	}
	static const char expected[] = "\0" MODEL_USER "\0" MODEL_PASSWORD;
	struct buf plain = BUF_INIT(4096);
	bool right = base64_decode(&plain, line, strlen(line)) &&
		slice_eq(buf_slice(&plain), slice_of(expected, sizeof(expected) - 1));
	buf_release(&plain);
	log_in(mc, c, tag, right);
}

/* ---- LIST, STATUS -------------------------------------------------------------------------- */

static void send_status(struct model_conn *mc, struct fake_conn *c, const struct model_mailbox *b,
	const char *items)
{
	const struct model_faults *f = &mc->m->faults;
	fake_sendf(c, "* STATUS ");
	send_astring(c, b->name);
	struct model_words w = {.p = items, .end = items + strlen(items)};
	const char *between = " (";
	while (model_word(&w)) {
		char value[64] = "";
		size_t unseen = 0;
		for (size_t i = 0; i < b->n; i++)
			unseen += strstr(b->msg[i].flags, "\\Seen") == NULL;
		uint64_t size = 0;
		for (size_t i = 0; i < b->n; i++)
			size += b->msg[i].n;
		if (model_is(&w, "MESSAGES"))
			(void)snprintf(
				value, sizeof(value), "%lld", (long long)b->n + f->exists_off_by);
		else if (model_is(&w, "UIDNEXT") && !f->no_uidnext)
			(void)snprintf(
				value, sizeof(value), "%u", f->uidnext ? f->uidnext : b->uidnext);
		else if (model_is(&w, "UIDVALIDITY") && !f->no_uidvalidity)
			(void)snprintf(value, sizeof(value), "%u", b->uidvalidity);
		else if (model_is(&w, "UNSEEN"))
			(void)snprintf(value, sizeof(value), "%zu", unseen);
		else if (model_is(&w, "RECENT") || model_is(&w, "DELETED"))
			(void)snprintf(value, sizeof(value), "0");
		else if (model_is(&w, "HIGHESTMODSEQ"))
			(void)snprintf(value, sizeof(value), "%llu",
				f->no_modseq ? 0ULL : (unsigned long long)b->modseq);
		else if (model_is(&w, "SIZE"))
			(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)size);
		else if (model_is(&w, "MAILBOXID"))
			(void)snprintf(value, sizeof(value), "(F%p)", (const void *)b);
		if (value[0]) {
			fake_sendf(c, "%s%s %s", between, w.word, value);
			between = " ";
		}
	}
	fake_sendf(c, "%s)\r\n", between[1] == '(' ? " (" : "");
}

struct list_ask {
	bool subscribed_only, with_subscribed, lsub;
	char reference[MODEL_NAME], status[512];
	char pattern[8][MODEL_NAME];
	size_t npatterns;
};

/* What stands between a "(" that was read and its ")". */
static void parenthesis(struct model_words *w, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	while (model_word(w) && !model_is(w, ")"))
		n += (size_t)snprintf(n < size ? out + n : NULL, n < size ? size - n : 0, "%s%s",
			n > 0 ? " " : "", w->word);
}

static bool parse_return(struct list_ask *a, struct model_words *w)
{
	if (!model_word(w) || !model_is(w, "("))
		return false;
	while (model_word(w) && !model_is(w, ")")) {
		if (model_is(w, "SUBSCRIBED")) {
			a->with_subscribed = true;
		} else if (model_is(w, "STATUS")) {
			if (!model_word(w) || !model_is(w, "("))
				return false;
			parenthesis(w, a->status, sizeof(a->status));
		}
	}
	return true;
}

static bool parse_list(struct model_imap *m, struct list_ask *a, struct model_words *w)
{
	if (!model_word(w))
		return false;
	bool extended = false;
	if (model_is(w, "(")) {
		extended = true;
		char options[128];
		parenthesis(w, options, sizeof(options));
		a->subscribed_only = strcasestr(options, "SUBSCRIBED") != NULL;
		if (!model_word(w))
			return false;
	}
	(void)snprintf(a->reference, sizeof(a->reference), "%.255s", w->word);
	if (!model_word(w))
		return false;
	bool several = model_is(w, "(");
	extended = extended || several;
	while (!several || (model_word(w) && !model_is(w, ")"))) {
		if (a->npatterns == 8)
			return false;
		(void)snprintf(a->pattern[a->npatterns++], MODEL_NAME, "%.127s%.127s", a->reference,
			w->word);
		if (!several)
			break;
	}
	if (model_word(w)) {
		extended = true;
		if (!model_is(w, "RETURN") || m->faults.refuse_list_return || !parse_return(a, w))
			return false;
	}
	return !extended || model_has(m, "LIST-EXTENDED");
}

static void send_list_line(
	struct fake_conn *c, const struct model_mailbox *b, const struct list_ask *a)
{
	bool flag = b->subscribed && (a->with_subscribed || a->subscribed_only);
	fake_sendf(c, "* %s (%s%s%s) \"/\" ", a->lsub ? "LSUB" : "LIST", b->attributes,
		flag && b->attributes[0] ? " " : "", flag ? "\\Subscribed" : "");
	send_astring(c, b->name);
	fake_sendf(c, "\r\n");
}

static void do_list(struct model_conn *mc, struct fake_conn *c, const char *tag,
	struct model_words *w, bool lsub)
{
	struct list_ask a = {.lsub = lsub, .subscribed_only = lsub};
	if (!parse_list(mc->m, &a, w) || (a.status[0] && !model_has(mc->m, "LIST-STATUS"))) {
		bad(mc, c, tag);
		return;
	}
	const struct model_faults *f = &mc->m->faults;
	for (const struct model_mailbox *b = mc->m->first; b; b = b->next) {
		bool match = false;
		for (size_t i = 0; i < a.npatterns; i++)
			match = match || model_wild(a.pattern[i], b->name);
		if (!match || (a.subscribed_only && !b->subscribed) ||
			is_fault(f->hide_in_list, b->name))
			continue;
		send_list_line(c, b, &a);
		bool closed = strcasestr(b->attributes, "\\Noselect") != NULL;
		if (a.status[0] && !closed && !is_fault(f->drop_status, b->name) &&
			!is_fault(f->refuse_status, b->name))
			send_status(mc, c, b, a.status);
	}
	ok(c, tag, "listed");
}

static void do_status(
	struct model_conn *mc, struct fake_conn *c, const char *tag, struct model_words *w)
{
	char name[MODEL_NAME], items[512];
	if (!model_word(w)) {
		bad(mc, c, tag);
		return;
	}
	(void)snprintf(name, sizeof(name), "%.255s", w->word);
	if (!model_word(w) || !model_is(w, "(")) {
		bad(mc, c, tag);
		return;
	}
	parenthesis(w, items, sizeof(items));
	const struct model_mailbox *b = model_find(mc->m, name);
	if (!b || is_fault(mc->m->faults.refuse_status, name)) {
		fake_sendf(c, "%s NO [NONEXISTENT] no such mailbox\r\n", tag);
		return;
	}
	if (!is_fault(mc->m->faults.drop_status, name))
		send_status(mc, c, b, items);
	ok(c, tag, "status");
}

/* ---- EXAMINE, SELECT ----------------------------------------------------------------------- */

static void send_selected(
	struct model_conn *mc, struct fake_conn *c, const struct model_mailbox *b, bool read_only)
{
	const struct model_faults *f = &mc->m->faults;
	fake_sendf(c, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
	fake_sendf(c, "* %lld EXISTS\r\n* 0 RECENT\r\n", (long long)mc->nview + f->exists_off_by);
	if (!f->no_uidvalidity)
		fake_sendf(c, "* OK [UIDVALIDITY %u] valid\r\n", b->uidvalidity);
	if (!f->no_uidnext)
		fake_sendf(c, "* OK [UIDNEXT %u] next\r\n", f->uidnext ? f->uidnext : b->uidnext);
	/* EXAMINE changes nothing. */
	if (f->permanent_flags != NULL || read_only)
		fake_sendf(c, "* OK [PERMANENTFLAGS (%s)] these\r\n",
			read_only ? "" : f->permanent_flags);
	if (f->no_modseq)
		fake_sendf(c, "* OK [NOMODSEQ] none\r\n");
	else if (model_has(mc->m, "CONDSTORE"))
		fake_sendf(
			c, "* OK [HIGHESTMODSEQ %llu] highest\r\n", (unsigned long long)b->modseq);
}

static void do_select(struct model_conn *mc, struct fake_conn *c, const char *tag,
	struct model_words *w, bool read_only)
{
	mc->selected[0] = '\0';
	mc->nview = 0;
	if (!model_word(w)) {
		bad(mc, c, tag);
		return;
	}
	const struct model_mailbox *b = model_find(mc->m, w->word);
	if (!b || strcasestr(b->attributes, "\\Noselect") ||
		is_fault(mc->m->faults.refuse_open, w->word)) {
		fake_sendf(c, "%s NO [NONEXISTENT] cannot be opened\r\n", tag);
		return;
	}
	mc->view = realloc(mc->view, (b->n + 1) * sizeof(*mc->view));
	if (!mc->view)
		abort();
	for (size_t i = 0; i < b->n; i++)
		mc->view[mc->nview++] = b->msg[i].uid;
	(void)snprintf(mc->selected, sizeof(mc->selected), "%.255s", b->name);
	mc->uidvalidity = b->uidvalidity;
	send_selected(mc, c, b, read_only);
	fake_sendf(c, "%s OK [READ-%s] opened\r\n", tag, read_only ? "ONLY" : "WRITE");
}

/* ---- one command --------------------------------------------------------------------------- */

enum need { ANY, AUTH, SELECTED };

struct verb {
	const char *name;
	enum need need;
	bool touches; /* may change the account */
	const char *capability;
};

static const struct verb verbs[] = {
	{"CAPABILITY", ANY, false, NULL},
	{"NOOP", ANY, false, NULL},
	{"LOGOUT", ANY, false, NULL},
	{"ID", ANY, false, "ID"},
	{"LOGIN", ANY, false, NULL},
	{"AUTHENTICATE", ANY, false, "AUTH=PLAIN"},
	{"ENABLE", AUTH, false, "ENABLE"},
	{"NAMESPACE", AUTH, false, "NAMESPACE"},
	{"LIST", AUTH, false, NULL},
	{"LSUB", AUTH, false, NULL},
	{"STATUS", AUTH, false, NULL},
	{"EXAMINE", AUTH, false, NULL},
	{"SELECT", AUTH, true, NULL},
	{"UNSELECT", SELECTED, false, "UNSELECT"},
	{"CLOSE", SELECTED, true, NULL},
	{"FETCH", SELECTED, false, NULL},
	{"UID FETCH", SELECTED, false, NULL},
	{"SEARCH", SELECTED, false, NULL},
	{"UID SEARCH", SELECTED, false, NULL},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcasecmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static void count(struct model_imap *m, const char *verb)
{
	m->commands++;
	for (size_t i = 0; i < MODEL_VERBS; i++) {
		if (!m->count[i].verb[0])
			(void)snprintf(m->count[i].verb, sizeof(m->count[i].verb), "%.23s", verb);
		if (strcasecmp(m->count[i].verb, verb) == 0) {
			m->count[i].n++;
			return;
		}
	}
}

/* false: hang up. The account is locked. */
static bool perform(struct model_conn *mc, struct fake_conn *c, const char *tag, const char *verb,
	struct model_words *w)
{
	if (strcmp(verb, "CAPABILITY") == 0) {
		fake_sendf(c, "* CAPABILITY %s\r\n", mc->m->capabilities);
	} else if (strcmp(verb, "NOOP") == 0) {
		model_sync(mc, c, true);
	} else if (strcmp(verb, "ID") == 0) {
		fake_sendf(c, "* ID (\"name\" \"model\")\r\n");
	} else if (strcmp(verb, "NAMESPACE") == 0) {
		fake_sendf(c, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n");
	} else if (strcmp(verb, "ENABLE") == 0) {
		fake_sendf(c, "* ENABLED %.*s\r\n", (int)(w->end - w->p), w->p);
	} else if (strcmp(verb, "UNSELECT") == 0 || strcmp(verb, "CLOSE") == 0) {
		mc->selected[0] = '\0';
	} else if (strcmp(verb, "LOGOUT") == 0) {
		fake_sendf(c, "* BYE logging out\r\n");
		ok(c, tag, "bye");
		return false;
	} else if (strcmp(verb, "LOGIN") == 0) {
		do_login(mc, c, tag, w);
		return true;
	} else if (strcmp(verb, "AUTHENTICATE") == 0) {
		do_authenticate(mc, c, tag, w);
		return true;
	} else if (strcmp(verb, "LIST") == 0 || strcmp(verb, "LSUB") == 0) {
		do_list(mc, c, tag, w, verb[1] == 'S');
		return true;
	} else if (strcmp(verb, "STATUS") == 0) {
		do_status(mc, c, tag, w);
		return true;
	} else if (strcmp(verb, "EXAMINE") == 0 || strcmp(verb, "SELECT") == 0) {
		do_select(mc, c, tag, w, verb[0] == 'E');
		return true;
	} else if (strcmp(verb, "FETCH") == 0 || strcmp(verb, "UID FETCH") == 0) {
		return model_fetch(mc, c, tag, verb[0] == 'U', w);
	} else {
		model_search(mc, c, tag, verb[0] == 'U', w);
		return true;
	}
	ok(c, tag, "done");
	return true;
}

static bool run(struct model_conn *mc, struct fake_conn *c, const char *tag, const char *name,
	struct model_words *w)
{
	struct model_imap *m = mc->m;
	const struct verb *v = find_verb(name);
	bool allowed = v && (v->need == ANY || mc->logged_in) &&
		(v->need != SELECTED || mc->selected[0]) &&
		(!v->capability || model_has(m, v->capability));
	m->touched = m->touched || !v || v->touches;
	if (!allowed) {
		bad(mc, c, tag);
		return true;
	}
	if (is_fault(m->faults.bye_at, name)) {
		fake_sendf(c, "* BYE the server goes down\r\n");
		return false;
	}
	if (is_fault(m->faults.throttle_at, name) && m->faults.throttle_times > 0) {
		m->faults.throttle_times--;
		fake_sendf(c, "%s NO [THROTTLED] slow down\r\n", tag);
		return true;
	}
	return perform(mc, c, tag, v->name, w);
}

static void *connected(void *ctx, struct fake_conn *c)
{
	struct model_imap *m = ctx;
	struct model_conn *mc = calloc(1, sizeof(*mc));
	if (!mc)
		abort();
	mc->m = m;
	pthread_mutex_lock(&m->lock);
	unsigned late = m->faults.greeting_ms;
	pthread_mutex_unlock(&m->lock);
	if (late > 0)
		(void)poll(NULL, 0, (int)late);
	pthread_mutex_lock(&m->lock);
	unsigned number = ++m->connections;
	if (m->faults.cut_after > 0 &&
		(m->faults.cut_connections == 0 || number <= m->faults.cut_connections))
		fake_cut_after(c, m->faults.cut_after);
	fake_sendf(c, "* OK [CAPABILITY %s] model\r\n", m->capabilities);
	pthread_mutex_unlock(&m->lock);
	return mc;
}

static bool command(void *ctx, struct fake_conn *c, const char *line, size_t n)
{
	struct model_imap *m = ctx;
	struct model_conn *mc = fake_conn_data(c);
	struct model_words w = {.p = line, .end = line + n};
	char tag[64], verb[32];
	if (!model_word(&w))
		return false;
	(void)snprintf(tag, sizeof(tag), "%.63s", w.word);
	if (!model_word(&w))
		return false;
	(void)snprintf(verb, sizeof(verb), "%.24s", w.word);
	if (model_is(&w, "UID") && model_word(&w))
		(void)snprintf(verb, sizeof(verb), "UID %.24s", w.word);

	pthread_mutex_lock(&m->lock);
	count(m, verb);
	m->turns += !fake_pending(c);
	if (strcmp(verb, "UID FETCH") != 0)
		model_send_late(mc, c);
	int (*hook)(void *, struct fake_conn *, const char *, const char *, const char *) =
		m->faults.hook;
	void *hook_ctx = m->faults.hook_ctx;
	pthread_mutex_unlock(&m->lock);
	int hooked = hook ? hook(hook_ctx, c, tag, verb, w.p) : 0;
	if (hooked != 0)
		return hooked > 0;
	pthread_mutex_lock(&m->lock);
	bool on = run(mc, c, tag, verb, &w);
	pthread_mutex_unlock(&m->lock);
	return on;
}

static void closed(void *ctx, struct fake_conn *c)
{
	(void)ctx;
	struct model_conn *mc = fake_conn_data(c);
	free(mc->view);
	free(mc);
}

const struct fake_handler model_handler = {
	.connected = connected, .command = command, .closed = closed};
