/* SPDX-License-Identifier: MIT */
/*
 * fuzz_query.c -- any bytes as the words of a search, each line one query, and their words as sets of UIDs.
 *
 * What must hold: a query that was accepted can be sent, and no line end or NUL leaves outside of a literal; a set that
 * was accepted is read the same again; an error has a text without control characters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"
#include "cmd/query_words.h"
#include "core/base/uidset.h"
#include "core/imap/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_error(const struct err *e)
{
	must(err_is_set(e) && e->text[0] != '\0');
	for (const char *p = e->text; *p != '\0'; p++)
		must((unsigned char)*p >= 0x20 && *p != 0x7f);
}

/* Behind "{n+}" CRLF come n octets of any kind. */
static void check_sent(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		must(p[i] != '\0' && p[i] != '\n');
		if (p[i] != '\r')
			continue;
		must(i + 1 < n && p[i + 1] == '\n' && i > 2 && p[i - 1] == '}' && p[i - 2] == '+');
		size_t open = i - 3, length = 0;
		while (open > 0 && p[open] != '{')
			open--;
		for (size_t d = open + 1; d < i - 2; d++)
			length = 10 * length + (size_t)(p[d] - '0');
		must(length <= n - i - 2);
		i += 1 + length;
	}
}

static void try_query(const struct string_list *words)
{
	struct err e = ERR_INIT;
	imap4_query *q = imap4_query_new();
	must(q != NULL);
	if (query_words_parse(q, words->at, words->n, &e) == 0) {
		struct enc enc;
		enc_init(&enc, ENC_LITERAL_PLUS);
		query_encode(&enc, q);
		if (enc_check(&enc, &e) == 0)
			check_sent(enc.bytes.data, enc.bytes.len);
		enc_release(&enc);
	} else {
		check_error(&e);
	}
	imap4_query_free(q);
}

static void try_set(const char *word)
{
	struct uidset set = UIDSET_INIT, again = UIDSET_INIT;
	struct buf text = BUF_INIT(1u << 20);
	struct err e = ERR_INIT;
	uint32_t open_from;
	bool last;
	if (uid_words_parse(word, &set, &open_from, &last, &e) == 0) {
		must(!uidset_is_empty(&set) || open_from > 0 || last);
		must(uidset_format(&set, &text, &e) == 0);
		must(uidset_is_empty(&set) ||
			uid_words_parse(buf_str(&text), &again, &open_from, &last, &e) == 0);
		must(uidset_equal(&set, &again));
	} else {
		check_error(&e);
	}
	buf_release(&text);
	uidset_release(&set);
	uidset_release(&again);
}

static void try_line(const char *line)
{
	struct string_list words = {NULL, 0};
	struct err e = ERR_INIT;
	if (words_split(line, &words, &e) == 0 && words.n > 0) {
		try_query(&words);
		for (size_t i = 0; i < words.n; i++)
			try_set(words.at[i]);
	}
	string_list_release(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = text, *end; line < text + size; line = end + 1) {
		end = line + strcspn(line, "\n");
		*end = '\0';
		try_line(line);
	}
	free(text);
	return 0;
}
