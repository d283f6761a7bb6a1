/* SPDX-License-Identifier: MIT */
/*
 * test_rfc_examples.c -- every line that a server says in an example of an RFC ("S:") through lexer and parser: framed as one
 * response, not damaged, with the typed form or the view that its name promises, its code known. That the values are the
 * right ones, and what the client says, is for the tables of examples next to each command (examples_of_rfc_NNNN in other
 * files).
 *
 * The texts are not part of the source. They are rfcNNNN.txt in the folder rfc/ next to the one that IMAPSYNC_TEST_DATA names,
 * or in ../shared/rfc. Without them nothing is tested, and that is said.
 *
 * From text to octets: a line of an example that is too long for the page goes on in lines without "S:" that are indented
 * no less, which are joined with a space; lines of a literal have a "S:" each and are joined with CRLF, and there are as many
 * octets as the text says, or it is in the list below.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/imap/imap4_mime.h"
#include "core/imap/resp.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

#define TEXT_MAX ((size_t)1 << 20)

/* ---- what is known to be broken ------------------------------------------------------------------------- */

struct broken {
	unsigned rfc;
	const char *begin; /* of the response */
	const char *why;
};

static const struct broken broken[] = {
	{2060, "* 2 FETCH FLAGS", "no parentheses (RFC 3501 section 6.4.6 has them)"},
	{2060, "* 3 FETCH FLAGS", "the same"},
	{2060, "* 4 FETCH FLAGS", "the same"},
	{2060, "* 25 FETCH (FLAGS (\\Seen) UID 4828442)\r\nA999 UID", "no OK in the tagged line"},
	{2683, "* LIST () \"/\" ABC/DEF   <===", "a remark behind it"},
	{2683, "* LIST () \"/\" ABC//DEF     <===", "a remark behind it"},
	{4314, "* LISTRIGHTS archive.imap anyone \"\" l r", "no OK in the tagged line"},
	{4314, "* 1 FETCH (FLAGS (\\Draft \\Deleted)", "the last parenthesis is missing"},
	{4314, "* 2 FETCH (FLAGS (\\Answered)", "the same"},
	{4314, "* 3 FETCH (FLAGS ($Forwarded \\Seen)", "the same"},
	{5257, "* 1 FETCH (FLAGS (\\Seen)) ANNOTATION", "a parenthesis too many"},
	{5465, "* STATUS misc (UIDVALIDITY 1 UIDNEXT 999)\r\nd STATUS", "no OK in the tagged line"},
	{5465, "* ESEARCH (TAG \"a00\") (COUNT 17)",
		"parentheses that RFC 4731 section 3.1 does not have"},
	{5465, "* EXISTS 93", "the number stands in front of EXISTS"},
	{6851, "* 22 EXPUNGE\r\n(more expunges)", "a remark in the place of a line"},
	{0, NULL, NULL},
};

static const struct broken *known(unsigned rfc, const char *text)
{
	for (const struct broken *b = broken; b->begin != NULL; b++)
		if (b->rfc == rfc && strncmp(text, b->begin, strlen(b->begin)) == 0)
			return b;
	return NULL;
}

/* ---- from the text of an RFC to responses ---------------------------------------------------------------- */

struct example {
	unsigned rfc;
	size_t responses, elided, broken; /* so far */
	struct buf wire;		  /* of the response that is being gathered */
	size_t line;			  /* where it began */
	size_t column;			  /* of its "S:" */
	bool open;
};

static bool begins_response(const char *s)
{
	char word[3][24] = {"", "", ""};
	if (s[0] == '+' || strncmp(s, "* ", 2) == 0)
		return true;
	(void)sscanf(s, "%23s %23s %23s", word[0], word[1], word[2]);
	return strcmp(word[1], "OK") == 0 || strcmp(word[1], "NO") == 0 ||
		strcmp(word[1], "BAD") == 0;
}

static const char *const typed[] = {"OK", "NO", "BAD", "BYE", "PREAUTH", "CAPABILITY", "ENABLED",
	"LIST", "LSUB", "STATUS", "FLAGS", "EXISTS", "RECENT", "EXPUNGE", "VANISHED", "FETCH",
	"SEARCH", "ESEARCH", "NAMESPACE", "ID", NULL};

/* Codes of what the library does not speak: URLAUTH, updates of a CONTEXT, ANNOTATE. All others it knows by name. */
static bool code_is_known(const char *atom)
{
	static const char *const strange[] = {"URLMECH", "NOUPDATE", "ANNOTATIONS"};
	for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++)
		if (strcmp(atom, strange[i]) == 0)
			return true;
	return false;
}

static bool mime_is_read(const imap4_message *m)
{
	const imap4_node *envelope = imap4_message_item(m, "ENVELOPE");
	const imap4_node *body = imap4_message_item(m, "BODYSTRUCTURE");
	imap4_envelope *e = imap4_envelope_new(envelope);
	imap4_body *b = imap4_body_new(body);
	bool good = (e != NULL) == (envelope != NULL) && (b != NULL) == (body != NULL);
	imap4_envelope_free(e);
	imap4_body_free(b);
	return good;
}

/* Responses that have a view instead of a form of their own: does it show anything? */
static bool view_is_there(const imap4_data *d, const char *name)
{
	imap4_walk at = {0};
	imap4_metadata metadata;
	imap4_quota quota;
	imap4_acl acl;
	if (strcmp(name, "METADATA") == 0)
		return imap4_data_metadata(d, &at, &metadata);
	if (strcmp(name, "QUOTA") == 0)
		return imap4_data_quota(d, 0, NULL, &quota);
	if (strcmp(name, "QUOTAROOT") == 0) { /* a mailbox may have none */
		const imap4_node *mailbox = imap4_node_child(imap4_data_root(d));
		return (imap4_node_next(mailbox) != NULL) ==
			(imap4_data_quotaroot(d, 0).ptr != NULL);
	}
	if (strcmp(name, "ACL") == 0)
		return imap4_data_acl(d, 0, &acl);
	if (strcmp(name, "MYRIGHTS") == 0 || strcmp(name, "LISTRIGHTS") == 0)
		return imap4_data_rights(d, 0).ptr != NULL;
	if (strcmp(name, "LANGUAGE") == 0)
		return imap4_data_language(d, 0).ptr != NULL;
	if (strcmp(name, "COMPARATOR") == 0)
		return imap4_data_comparator(d, 0).ptr != NULL;
	return true;
}

/* What else it promises; only of those without a literal. NULL: kept. */
static const char *promise_broken(struct slice wire)
{
	struct err e = ERR_INIT;
	struct imap4_data *d =
		resp_parse(slice_of(wire.p, wire.n - 2), NULL, 0, &lexer_log_limits, &e);
	cr_assert_not_null(d);
	const imap4_state_line *l = imap4_data_state(d);
	const imap4_message *m = imap4_data_message(d);
	const char *why = NULL;
	if (l != NULL && l->code == IMAP4_CODE_OTHER && !code_is_known(l->code_atom.ptr))
		why = "its code is not known";
	else if (m != NULL && !mime_is_read(m))
		why = "its ENVELOPE or BODYSTRUCTURE is not read";
	else if (resp_type(d) == RESP_UNTAGGED && !view_is_there(d, imap4_data_name(d).ptr))
		why = "its view shows nothing";
	resp_free(d);
	return why;
}

/* The dump of one response, as resp_dump() writes it; NULL: fine, else what is wrong. */
static const char *wrong(const char *dump, size_t damaged, bool ends)
{
	static char text[200];
	const char *response = dump, *second;
	while (strncmp(response, "section=", 8) == 0)
		response = strchr(response, '\n') + 1;
	second = strstr(response, "\n  ");
	if (!ends)
		return "framing was lost";
	if (damaged > 0)
		return "it is damaged";
	if (strncmp(response, "  ", 2) != 0 || second != NULL)
		return "it is not one response";
	for (size_t i = 0; strncmp(response, "  OTHER ", 8) == 0 && typed[i] != NULL; i++) {
		size_t n = strlen(typed[i]);
		if (strncasecmp(response + 8, typed[i], n) == 0 && !isalnum(response[8 + n])) {
			(void)snprintf(text, sizeof text, "it has no typed form as %s", typed[i]);
			return text;
		}
	}
	return NULL;
}

static void feed(struct example *x)
{
	struct buf dump = BUF_INIT(TEXT_MAX);
	const char *text = buf_str(&x->wire);
	bool ends;
	x->open = false;
	if (strstr(text, "...") != NULL || strstr(text, ". . .") != NULL) {
		x->elided++;
		buf_release(&dump);
		return;
	}
	(void)buf_add_str(&x->wire, "\r\n");
	size_t damaged = resp_dump_wire(
		&dump, &lexer_log_limits, LEXER_BODY_TAKE, buf_slice(&x->wire), &ends);
	const char *why = wrong(buf_str(&dump), damaged, ends);
	if (why == NULL && strstr(buf_str(&x->wire), "}\r\n") == NULL)
		why = promise_broken(buf_slice(&x->wire));
	const struct broken *b = known(x->rfc, buf_str(&x->wire));
	x->responses++;
	x->broken += b != NULL;
	cr_expect((why == NULL) == (b == NULL), "rfc%u.txt, line %zu: %s: %s\n%s", x->rfc, x->line,
		why == NULL ? "not broken any more" : why, buf_str(&x->wire), buf_str(&dump));
	buf_release(&dump);
}

/* One line of the server, whether it has a "S:" of its own or not. */
static void add(struct example *x, const char *text, bool marked, size_t line)
{
	if (marked && begins_response(text)) {
		if (x->open)
			feed(x);
		buf_clear(&x->wire);
		x->open = true;
		x->line = line;
		(void)buf_add_str(&x->wire, text);
		return;
	}
	if (!x->open)
		return;
	bool in_a_set = x->wire.data[x->wire.len - 1] == ':';
	(void)buf_add_str(&x->wire, marked ? "\r\n" : in_a_set ? "" : " ");
	(void)buf_add_str(&x->wire, text);
}

static bool furniture(const char *s)
{
	return s[0] == '\f' || strstr(s, "[Page ") != NULL || strncmp(s, "RFC ", 4) == 0;
}

/* What stands between the lines of an example and is said by nobody, or by the client. */
static bool remark(const char *s)
{
	static const char *const begin[] = {"[", "<", "//", "(Time", "(more", "C:"};
	for (size_t i = 0; i < sizeof begin / sizeof begin[0]; i++)
		if (strncmp(s, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

static void read_line(struct example *x, char *s, size_t line)
{
	size_t n = strcspn(s, "\r\n"), indent = strspn(s, " ");
	if (furniture(s))
		return;
	while (n > 0 && s[n - 1] == ' ')
		n--;
	s[n] = '\0';
	if (n <= indent) {
		if (x->open)
			feed(x);
	} else if (strncmp(s + indent, "S:", 2) == 0 && strchr(" ", s[indent + 2]) != NULL) {
		size_t text = indent + 2 + strspn(s + indent + 2, " ");
		x->column = indent;
		add(x, s + text, true, line);
	} else if (x->open && indent >= x->column && !remark(s + indent)) {
		add(x, s + indent, false, line);
	} else if (x->open) {
		feed(x);
	}
}

/* False: the text is not there. */
static bool read_rfc(struct example *x)
{
	char path[4096], line[1000];
	const char *data = getenv("IMAPSYNC_TEST_DATA");
	(void)snprintf(path, sizeof path, "%s/../rfc/rfc%u.txt",
		data != NULL ? data : "../shared/data", x->rfc);
	FILE *f = fopen(path, "r");
	if (f == NULL)
		return false;
	buf_init(&x->wire, TEXT_MAX);
	for (size_t n = 1; fgets(line, sizeof line, f) != NULL; n++)
		read_line(x, line, n);
	if (x->open)
		feed(x);
	buf_release(&x->wire);
	fclose(f);
	return true;
}

/* All that have examples with a server, for what the library knows; RFC 3516, 5957, 6855 and 8437 have none. */
struct text {
	unsigned rfc;
	size_t responses, elided, broken;
};

static const struct text texts[] = {
	{2060, 138, 4, 4},
	{2086, 7, 0, 0},
	{2087, 8, 0, 0},
	{2088, 1, 0, 0},
	{2177, 13, 6, 0},
	{2193, 30, 3, 0},
	{2195, 3, 0, 0},
	{2221, 3, 0, 0},
	{2342, 34, 0, 0},
	{2359, 7, 0, 0},
	{2683, 46, 9, 2},
	{2971, 4, 0, 0},
	{3348, 5, 0, 0},
	{3501, 158, 4, 0},
	{3502, 6, 0, 0},
	{3503, 26, 0, 0},
	{3691, 1, 0, 0},
	{4314, 71, 0, 4},
	{4315, 17, 0, 0},
	{4466, 3, 0, 0},
	{4467, 16, 0, 0},
	{4469, 16, 0, 0},
	{4551, 111, 4, 0},
	{4731, 18, 0, 0},
	{4959, 14, 0, 0},
	{4978, 6, 0, 0},
	{5161, 8, 0, 0},
	{5162, 88, 5, 0},
	{5182, 34, 6, 0},
	{5255, 20, 0, 0},
	{5256, 12, 0, 0},
	{5257, 37, 0, 1},
	{5258, 133, 0, 0},
	{5267, 23, 3, 0},
	{5464, 26, 0, 0},
	{5465, 28, 2, 3},
	{5466, 1, 0, 0},
	{5530, 22, 0, 0},
	{5819, 10, 0, 0},
	{6154, 39, 0, 0},
	{6203, 12, 0, 0},
	{6237, 7, 0, 0},
	{6851, 3, 0, 1},
	{7162, 213, 11, 0},
	{7377, 7, 0, 0},
	{7628, 18, 0, 0},
	{7888, 2, 0, 0},
	{7889, 9, 0, 0},
	{8438, 24, 0, 0},
	{8440, 10, 0, 0},
	{8457, 6, 0, 0},
	{8474, 45, 0, 0},
	{8508, 17, 0, 0},
	{8514, 6, 0, 0},
	{8970, 18, 4, 0},
	{9051, 492, 17, 0},
	{9208, 24, 4, 0},
	{9394, 18, 3, 0},
	{9738, 29, 9, 0},
};

Test(rfc_examples, each_line_of_a_server_is_read)
{
	size_t responses = 0, missing = 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const struct text *t = &texts[i];
		struct example x = {.rfc = t->rfc};
		if (!read_rfc(&x)) {
			missing++;
			continue;
		}
		printf("RFC %u %4zu responses %3zu elided %2zu broken\n", x.rfc, x.responses,
			x.elided, x.broken);
		cr_expect(x.responses == t->responses && x.elided == t->elided &&
				x.broken == t->broken,
			"RFC %u: %zu responses, %zu elided, %zu broken", x.rfc, x.responses,
			x.elided, x.broken);
		responses += x.responses;
	}
	if (missing > 0)
		printf("SKIPPED: %zu texts are not there: NOTHING OF THEM WAS TESTED\n", missing);
	printf("examples of RFCs: %zu responses\n", responses);
	fflush(stdout);
}
