/* SPDX-License-Identifier: MIT */
/*
 * fuzz_extensions.c -- a selected mailbox on a server that offers everything, and commands of extensions: whatever it answers,
 * each has an outcome in the end, and all views of its data and results can be looked at.
 *
 * Input: which group of commands is started, then all that the server says, with $1, $2 ... for the tags.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_mime.h"
#include "core/imap/imap4_util.h"
#include "tests/support/engine_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECE	     64
#define COMMANDS_MAX 8
#define CAPS                                                                                       \
	"IMAP4rev1 LITERAL+ UIDPLUS MULTIAPPEND CONDSTORE QRESYNC ENABLE ESEARCH SEARCHRES "       \
	"LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA SPECIAL-USE MOVE UNSELECT IDLE "    \
	"NOTIFY METADATA ANNOTATEMORE ACL QUOTA QUOTASET SORT SORT=DISPLAY ESORT "                 \
	"THREAD=REFERENCES WITHIN OBJECTID STATUS=SIZE APPENDLIMIT SAVEDATE PREVIEW BINARY "       \
	"CATENATE REPLACE ID LANGUAGE I18NLEVEL=2 PARTIAL MESSAGELIMIT=1000 X-GM-EXT-1 "           \
	"SEARCH=FUZZY CONTEXT=SEARCH CONTEXT=SORT QUOTA=RES-STORAGE NAMESPACE"

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

/* ---- everything that can be looked at ------------------------------------------------------------------- */

/* No view is read beyond its end: the sanitizer looks at each octet, and at the NUL behind. */
static void touch(imap4_str s)
{
	volatile char c = 0;
	for (size_t i = 0; s.ptr != NULL && i <= s.len; i++)
		c = s.ptr[i];
	(void)c;
}

static void look_message(const imap4_message *m)
{
	char **labels = NULL;
	size_t n;
	if (imap4_message_labels(m, &labels, &n) == IMAP4_OK)
		free(labels);
	imap4_envelope_free(imap4_envelope_new(imap4_message_item(m, "ENVELOPE")));
	imap4_body_free(imap4_body_new(imap4_message_item(m, "BODYSTRUCTURE")));
	touch(m->internaldate);
	touch(m->preview);
}

static void look_walks(const imap4_data *d)
{
	imap4_walk at = {0}, other = {0};
	touch(imap4_data_metadata_mailbox(d));
	for (imap4_metadata m; imap4_data_metadata(d, &at, &m);)
		touch(m.value);
	touch(imap4_data_annotation_mailbox(d));
	for (imap4_annotation a; imap4_data_annotation(d, &other, &a);)
		touch(a.value);
}

static void look_data(const imap4_data *d)
{
	imap4_acl acl;
	imap4_quota quota;
	imap4_str root = {NULL, 0};
	for (size_t i = 0; imap4_data_acl(d, i, &acl); i++)
		touch(acl.rights);
	for (size_t i = 0; imap4_data_quota(d, i, &root, &quota); i++)
		touch(quota.resource);
	for (size_t i = 0; i < 4; i++) {
		touch(imap4_data_rights(d, i));
		touch(imap4_data_quotaroot(d, i));
		touch(imap4_data_language(d, i));
		touch(imap4_data_comparator(d, i));
	}
	look_walks(d);
	const imap4_message *m = imap4_data_message(d);
	if (m != NULL)
		look_message(m);
	const imap4_list *l = imap4_data_list(d);
	if (l != NULL)
		(void)imap4_node_text(imap4_list_item(l, "CHILDINFO"));
}

static void look_result(const imap4_cmd *c)
{
	const imap4_result *r = imap4_cmd_result(c);
	const imap4_scores *scores = imap4_cmd_scores(c);
	const imap4_sorted *sorted = imap4_cmd_sorted(c);
	const imap4_threads *threads = imap4_cmd_threads(c);
	const imap4_appended *appended = imap4_cmd_appended(c);
	const imap4_copied *copied = imap4_cmd_copied(c);
	uint64_t sum = 0, octets;
	for (size_t i = 0; scores != NULL && i < scores->n; i++)
		sum += scores->score[i] + scores->number[i];
	for (size_t i = 0; sorted != NULL && i < sorted->n; i++)
		sum += sorted->at[i];
	for (size_t i = 0; threads != NULL && i < threads->n; i++)
		if (threads->at[i].parent != IMAP4_THREAD_ROOT && threads->at[i].parent >= i)
			abort();
	for (size_t i = 0; appended != NULL && i < appended->n; i++)
		sum += appended->uid[i];
	if (copied != NULL && imap4_set_count(copied->from) != imap4_set_count(copied->to))
		abort();
	(void)imap4_result_metadata(r, &octets);
	for (size_t i = 0; i < 3; i++)
		touch(imap4_result_referral(r, i));
	(void)imap4_cmd_limited(c);
	(void)imap4_cmd_modified(c);
	(void)imap4_cmd_selected(c);
	(void)imap4_cmd_events_offered(c);
	volatile uint64_t keep = sum + imap4_cmd_modseq(c);
	(void)keep;
}

/* ---- commands ---------------------------------------------------------------------------------------------- */

struct play {
	imap4_session *s;
	imap4_set *set;
	imap4_query *query;
	imap4_cmd *cmd[COMMANDS_MAX];
	size_t n;
};

static void add(struct play *p, imap4_cmd *c)
{
	if (c != NULL)
		p->cmd[p->n++] = c;
}

static void searches(struct play *p)
{
	static const int keys[] = {IMAP4_SORT_RELEVANCY, IMAP4_SORT_DATE | IMAP4_SORT_REVERSE};
	imap4_query_opts o = {.struct_size = sizeof o,
		.by = IMAP4_BY_UID,
		.wanted = IMAP4_WANT_ALL | IMAP4_WANT_RELEVANCY};
	add(p, imap4_search_start(p->s, p->query, &o));
	add(p, imap4_sort_start(p->s, keys, 2, p->query, &o));
	add(p, imap4_thread_start(p->s, "REFERENCES", p->query, &o));
	o.wanted = 0;
	o.partial_first = -1;
	o.partial_last = -5;
	add(p, imap4_search_start(p->s, NULL, &o));
	o = (imap4_query_opts){.struct_size = sizeof o, .by = IMAP4_BY_UID, .save = 1};
	add(p, imap4_search_start(p->s, NULL, &o));
	add(p, imap4_sort_start(p->s, keys + 1, 1, NULL, NULL));
}

static void messages(struct play *p)
{
	static const imap4_str flag[] = {{"\\Seen", 5}, {"key", 3}};
	const imap4_store_opts store = {.struct_size = sizeof store,
		.by = IMAP4_BY_UID,
		.conditional = 1,
		.unchangedsince = 7};
	const imap4_copy_opts copy = {.struct_size = sizeof copy, .by = IMAP4_BY_UID};
	const imap4_fetch_opts fetch = {.struct_size = sizeof fetch, .by = IMAP4_BY_UID};
	add(p,
		imap4_fetch_start(p->s, p->set,
			"UID ENVELOPE BODYSTRUCTURE PREVIEW SAVEDATE EMAILID X-GM-LABELS BINARY.PEEK[1]",
			&fetch));
	add(p, imap4_store_start(p->s, p->set, IMAP4_FLAGS_ADD, flag, 2, &store));
	add(p, imap4_copy_start(p->s, p->set, str("b"), &copy));
	add(p, imap4_move_start(p->s, p->set, str("b"), &copy));
	add(p, imap4_uid_expunge_start(p->s, p->set, 0));
	add(p, imap4_expunge_start(p->s));
}

static long give(void *ctx, void *to, size_t n)
{
	(void)ctx;
	memset(to, 'x', n);
	return (long)n;
}

static void uploads(struct play *p)
{
	const imap4_append_message m[] = {
		{.struct_size = sizeof m[0], .size = 9, .source = {NULL, give}},
		{.struct_size = sizeof m[0], .size = 5, .source = {NULL, give}, .binary = 1}};
	const imap4_append_opts waits = {.struct_size = sizeof waits, .sync_over = 1};
	const imap4_replace_opts by_uid = {.struct_size = sizeof by_uid, .by = IMAP4_BY_UID};
	add(p, imap4_append_start(p->s, str("a"), m, 2, NULL));
	add(p, imap4_append_start(p->s, str("a"), m, 1, &waits));
	add(p, imap4_replace_start(p->s, 3, str("a"), m, &by_uid));
}

static void mailboxes(struct play *p)
{
	static const char *const words[] = {"/shared/comment", "/private/x"};
	const imap4_list_opts list = {.struct_size = sizeof list,
		.ret = IMAP4_RET_MYRIGHTS | IMAP4_RET_CHILDREN,
		.status_items = IMAP4_ST_MESSAGES | IMAP4_ST_DELETED_STORAGE,
		.metadata = words,
		.nmetadata = 2};
	add(p, imap4_list_start(p->s, "", words, 1, &list));
	add(p, imap4_getacl_start(p->s, str("a")));
	add(p, imap4_listrights_start(p->s, str("a"), "fred"));
	add(p, imap4_myrights_start(p->s, str("a")));
	add(p, imap4_getquotaroot_start(p->s, str("a")));
	add(p, imap4_getmetadata_start(p->s, str("a"), words, 2, NULL));
	add(p, imap4_getannotation_start(p->s, str("a"), words, 1, words, 1));
}

static void others(struct play *p)
{
	static const char *const words[] = {"de", "X"};
	const imap4_watch watch = {.struct_size = sizeof watch,
		.which = IMAP4_WATCH_SELECTED,
		.events = IMAP4_EVENT_MESSAGE_NEW | IMAP4_EVENT_MESSAGE_EXPUNGE,
		.items = "UID BODY.PEEK[]"};
	const imap4_raw_opts raw = {.struct_size = sizeof raw, .claims = words, .nclaims = 2};
	add(p, imap4_language_start(p->s, words, 1));
	add(p, imap4_comparator_start(p->s, words, 1));
	add(p, imap4_notify_start(p->s, &watch, 1, 1));
	add(p, imap4_raw_start(p->s, "XFROB", NULL, 0, &raw));
	add(p, imap4_namespace_start(p->s));
	imap4_cmd *idle = imap4_idle_start(p->s);
	add(p, idle);
	if (idle != NULL)
		(void)imap4_idle_done(idle);
}

static void (*const groups[])(struct play *p) = {searches, messages, uploads, mailboxes, others};

/* ---- one input --------------------------------------------------------------------------------------------- */

static bool prepare(struct play *p)
{
	imap4_query *text = imap4_query_new();
	p->set = imap4_set_new();
	p->query = imap4_query_new();
	bool ok = text != NULL && p->set != NULL && p->query != NULL &&
		imap4_query_text(text, IMAP4_IN_SUBJECT, str("x")) == IMAP4_OK &&
		imap4_query_fuzzy(p->query, text) == IMAP4_OK &&
		imap4_set_add_range(p->set, 1, 9) == IMAP4_OK;
	imap4_query_free(text);
	return ok;
}

static void finish(struct play *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (const imap4_data *d; (d = imap4_cmd_next(p->cmd[i])) != NULL;)
			look_data(d);
		if (!imap4_cmd_done(p->cmd[i]))
			abort();
		look_result(p->cmd[i]);
		imap4_cmd_free(p->cmd[i]);
	}
	imap4_set_free(p->set);
	imap4_query_free(p->query);
}

static void unasked(struct rig *r, const imap4_data *d)
{
	(void)r;
	look_data(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct rig *r = rig_new(&(struct rig_options){.caps = CAPS}, 0);
	if (r == NULL)
		return 0;
	struct play p = {.s = r->session};
	r->on_unasked = unasked;
	imap4_cmd *select = imap4_select_start(p.s, str("a"),
		&(imap4_select_opts){.struct_size = sizeof(imap4_select_opts), .writable = 1});
	rig_say(r, "* 9 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n$1 OK [READ-WRITE] x\r\n");
	imap4_cmd_free(select);
	if (prepare(&p))
		groups[(uint8_t)(data[0] - '0') % (sizeof groups / sizeof groups[0])](&p);
	for (size_t at = 1; at < size;) {
		/* A piece is a line, or what there is of one. */
		size_t max = size - at < PIECE ? size - at : PIECE;
		const uint8_t *end = memchr(data + at, '\n', max);
		size_t n = end != NULL ? (size_t)(end - (data + at)) + 1 : max;
		rig_say_n(r, (const char *)data + at, n);
		at += n;
	}
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end of the input");
	finish(&p);
	rig_free(r);
	return 0;
}
