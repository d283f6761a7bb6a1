/* SPDX-License-Identifier: MIT */
/* words.c -- lists of strings, and splitting a command line without a shell. */
#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"

int string_list_add(struct string_list *l, const char *s, size_t n)
{
	char **grown = realloc(l->at, (l->n + 2) * sizeof *grown);
	if (grown == NULL)
		return -1;
	l->at = grown;
	char *copy = malloc(n + 1);
	if (copy == NULL)
		return -1;
	memcpy(copy, s, n);
	copy[n] = '\0';
	l->at[l->n++] = copy;
	l->at[l->n] = NULL;
	return 0;
}

void string_list_release(struct string_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->at[i]);
	free(l->at);
	*l = (struct string_list){NULL, 0};
}

/* One word into `word`; *p is moved behind it. 1 = a word, 0 = the end, -1 = an open quote. */
static int next_word(const char **p, struct buf *word)
{
	const char *s = *p;
	while (*s == ' ' || *s == '\t')
		s++;
	buf_clear(word);
	if (*s == '\0')
		return 0;
	char quote = '\0';
	for (; *s != '\0'; s++) {
		if (quote == '\0' && (*s == ' ' || *s == '\t'))
			break;
		if (quote == '\0' && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (quote != '\0' && *s == quote) {
			quote = '\0';
		} else if (*s == '\\' && quote == '"' && (s[1] == '"' || s[1] == '\\')) {
			buf_add_byte(word, (unsigned char)*++s);
		} else {
			/* A backslash outside quotes is itself: "\Junk" is a mailbox attribute. */
			buf_add_byte(word, (unsigned char)*s);
		}
	}
	*p = s;
	return quote == '\0' ? 1 : -1;
}

int words_split(const char *text, struct string_list *out, struct err *e)
{
	struct buf word = BUF_INIT(CONFIG_FILE_MAX);
	int got;
	while ((got = next_word(&text, &word)) > 0) {
		if (buf_check(&word, "a word", e) != 0)
			break;
		if (string_list_add(out, buf_str(&word), word.len) != 0) {
			err_nomem(e, "the configuration");
			break;
		}
	}
	buf_release(&word);
	if (got < 0)
		return err_set(e, ERR_USAGE, E_CONFIG, "has a quotation mark without its partner");
	return got == 0 ? 0 : -1;
}
