/* SPDX-License-Identifier: MIT */
/* cmd_imap_search.c -- imapsync imap: search, sort, thread. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmd/cmd_imap.h"
#include "cmd/query_words.h"
#include "core/base/text.h"
#include "core/imap/imap4_util.h"

#define SORT_KEYS_MAX  16
#define ALGORITHM_SIZE 64

static const imap4_query_opts by_uid = {.struct_size = sizeof by_uid, .by = IMAP4_BY_UID};

/* Open the folder and read the query, whose words begin at argument `first`. NULL: *e. */
static imap4_query *prepare(struct imap_call *k, size_t first, struct err *e)
{
	imap4_query *q = imap4_query_new();
	if (q == NULL) {
		err_nomem(e, "the query");
		return NULL;
	}
	if (query_words_parse(q, k->arg + first, k->n - first, e) == 0 &&
		imap_open(k, k->arg[0], false, e) == 0) {
		if (k->c->json)
			json_add_text(&k->json, "folder", slice_str(k->arg[0]));
		return q;
	}
	imap4_query_free(q);
	return NULL;
}

/* Wait for it. -1 also when the server said OK and nothing else. */
static int finish(struct imap_call *k, imap4_cmd *cmd, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	return imap_finish(k, cmd, imap_shown(shown, k->arg[0]), NULL, NULL, e);
}

static int no_answer(const struct imap_call *k, struct err *e)
{
	char shown[TEXT_SHOW_SIZE];
	return err_set(e, ERR_MAILBOX, E_PROTO, "%s: the server said OK, but gave no result",
		imap_shown(shown, k->arg[0]));
}

/* ---- search ---------------------------------------------------------------------------------------------- */

/* A set on one line is what fetch, copy and the others take. */
static int print_found(struct imap_call *k, const imap4_numbers *found, struct err *e)
{
	/* Without data, OK proves nothing: neither that there is a message, nor that there is none. */
	if (found == NULL || found->set == NULL || (found->have & IMAP4_HAVE_ALL) == 0)
		return no_answer(k, e);
	if (k->c->json) {
		json_add_u64(&k->json, "messages", found->count);
		json_add_set(&k->json, "uids", found->set);
		return 0;
	}
	char *text = imap_set_shown(found->set, e);
	if (text == NULL)
		return -1;
	if (*text != '\0')
		puts(text);
	free(text);
	return 0;
}

int imap_search(struct imap_call *k, struct err *e)
{
	imap4_query *q = prepare(k, 1, e);
	if (q == NULL)
		return -1;
	imap4_cmd *cmd = imap4_search_start(k->s, q, &by_uid);
	int rc = finish(k, cmd, e);
	if (rc == 0)
		rc = print_found(k, imap4_cmd_numbers(cmd), e);
	imap4_cmd_free(cmd);
	imap4_query_free(q);
	return rc;
}

/* ---- sort ------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	int key;
} sort_keys[] = {
	{"arrival", IMAP4_SORT_ARRIVAL},
	{"cc", IMAP4_SORT_CC},
	{"date", IMAP4_SORT_DATE},
	{"from", IMAP4_SORT_FROM},
	{"size", IMAP4_SORT_SIZE},
	{"subject", IMAP4_SORT_SUBJECT},
	{"to", IMAP4_SORT_TO},
	{"displayfrom", IMAP4_SORT_DISPLAYFROM},
	{"displayto", IMAP4_SORT_DISPLAYTO},
};

/* One key without its "-"; -1: there is none of that name. */
static int find_key(const char *s, size_t n)
{
	for (size_t i = 0; i < sizeof sort_keys / sizeof sort_keys[0]; i++)
		if (strlen(sort_keys[i].name) == n && strncasecmp(sort_keys[i].name, s, n) == 0)
			return sort_keys[i].key;
	return -1;
}

/* "date,-size", or as RFC 5256 has it: "reverse date size". */
static int parse_keys(const char *text, int keys[SORT_KEYS_MAX], size_t *n, struct err *e)
{
	static const char between[] = ", ()";
	char shown[TEXT_SHOW_SIZE];
	int reverse = 0;
	*n = 0;
	for (const char *s = text + strspn(text, between); *s != '\0'; s += strspn(s, between)) {
		if (*s == '-') {
			reverse = IMAP4_SORT_REVERSE;
			s++;
		}
		size_t len = strcspn(s, between);
		int key = find_key(s, len);
		if (len == 7 && strncasecmp(s, "reverse", len) == 0)
			reverse = IMAP4_SORT_REVERSE;
		else if (key < 0 || *n == SORT_KEYS_MAX)
			break;
		else {
			keys[(*n)++] = key | reverse;
			reverse = 0;
		}
		s += len;
		if (*s == '\0' && reverse == 0)
			return 0;
	}
	if (*n > 0 && reverse == 0 && text[strlen(text) - 1] == ')')
		return 0;
	return err_set(e, ERR_USAGE, E_USAGE,
		"\"%s\" is not a list of arrival, date, from, to, cc, subject, size, such as date,-size",
		imap_shown(shown, text));
}

static int print_sorted(struct imap_call *k, const imap4_sorted *sorted, struct err *e)
{
	if (sorted == NULL)
		return no_answer(k, e);
	if (k->c->json)
		json_begin(&k->json, "uids", '[');
	for (size_t i = 0; i < sorted->n; i++)
		if (k->c->json)
			json_add_u64(&k->json, NULL, sorted->at[i]);
		else
			printf("%" PRIu32 "\n", sorted->at[i]);
	if (k->c->json)
		json_end(&k->json);
	return 0;
}

int imap_sort(struct imap_call *k, struct err *e)
{
	int keys[SORT_KEYS_MAX];
	size_t n;
	if (parse_keys(k->arg[1], keys, &n, e) != 0)
		return -1;
	imap4_query *q = prepare(k, 2, e);
	if (q == NULL)
		return -1;
	imap4_cmd *cmd = imap4_sort_start(k->s, keys, n, q, &by_uid);
	int rc = finish(k, cmd, e);
	if (rc == 0)
		rc = print_sorted(k, imap4_cmd_sorted(cmd), e);
	imap4_cmd_free(cmd);
	imap4_query_free(q);
	return rc;
}

/* ---- thread ---------------------------------------------------------------------------------------------- */

/* One message: its number stands as far to the right as it is deep. */
static void print_thread(struct imap_call *k, uint32_t uid, size_t depth)
{
	if (k->c->json) {
		json_begin(&k->json, NULL, '{');
		if (uid != 0)
			json_add_u64(&k->json, "uid", uid);
		else
			json_add_null(&k->json, "uid");
		json_add_u64(&k->json, "depth", depth);
		json_end(&k->json);
	} else {
		for (size_t i = 0; i < depth; i++)
			fputs("  ", stdout);
		if (uid != 0)
			printf("%" PRIu32 "\n", uid);
		else
			puts("(not here)");
	}
}

static int print_threads(struct imap_call *k, const imap4_threads *t, struct err *e)
{
	if (t == NULL)
		return no_answer(k, e);
	size_t *depth = calloc(t->n + 1, sizeof *depth);
	if (depth == NULL)
		return err_nomem(e, "the conversations");
	if (k->c->json)
		json_begin(&k->json, "threads", '[');
	for (size_t i = 0; i < t->n; i++) {
		size_t parent = t->at[i].parent;
		depth[i] = parent == IMAP4_THREAD_ROOT ? 0 : depth[parent] + 1;
		print_thread(k, t->at[i].number, depth[i]);
	}
	if (k->c->json)
		json_end(&k->json);
	free(depth);
	return 0;
}

int imap_thread(struct imap_call *k, struct err *e)
{
	char algorithm[ALGORITHM_SIZE];
	size_t n = strlen(k->arg[1]);
	if (n == 0 || n >= sizeof algorithm)
		return err_set(e, ERR_USAGE, E_USAGE,
			"which algorithm? \"references\" or \"orderedsubject\"");
	for (size_t i = 0; i <= n; i++)
		algorithm[i] = (char)toupper((unsigned char)k->arg[1][i]);
	imap4_query *q = prepare(k, 2, e);
	if (q == NULL)
		return -1;
	imap4_cmd *cmd = imap4_thread_start(k->s, algorithm, q, &by_uid);
	int rc = finish(k, cmd, e);
	if (rc == 0)
		rc = print_threads(k, imap4_cmd_threads(cmd), e);
	imap4_cmd_free(cmd);
	imap4_query_free(q);
	return rc;
}
