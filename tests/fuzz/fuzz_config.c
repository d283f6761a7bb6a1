/* SPDX-License-Identifier: MIT */
/*
 * fuzz_config.c -- any bytes as imapsync.conf, and their first line as an account URL and as a command line.
 *
 * What must hold: an account that was accepted can be completed and handed on, or completion says what is missing; its
 * name can be a folder's; an error has a text without control characters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/config.h"

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

static void check_accounts(struct config *c)
{
	for (size_t i = 0; i < c->n && i < 8; i++) {
		struct config_account *a = &c->account[i];
		struct sync_account s;
		struct err e = ERR_INIT;
		must(a->name[0] != '\0' && strchr(a->name, '/') == NULL);
		must(strcmp(a->name, ".") != 0 && strcmp(a->name, "..") != 0);
		if (config_finish(c, a, &e) != 0) {
			check_error(&e);
			continue;
		}
		must(a->path != NULL && (a->host != NULL || a->tunnel.n > 0));
		config_to_sync(a, &s);
		must(s.path == a->path);
	}
}

static void try_file(const char *text, size_t n)
{
	struct config c;
	struct err e = ERR_INIT;
	bool password = false;
	char *copy = malloc(n + 1);
	must(copy != NULL);
	memcpy(copy, text, n + 1);
	config_init(&c);
	/* For texts about an account's line. */
	c.file = strdup("imapsync.conf");
	if (config_parse(&c, "imapsync.conf", copy, n, &password, &e) == 0)
		check_accounts(&c);
	else
		check_error(&e);
	config_release(&c);
	free(copy);
}

static void try_line(char *line)
{
	struct config c;
	struct config_account *a = NULL;
	struct string_list words = {NULL, 0};
	struct err e = ERR_INIT;
	config_init(&c);
	if (config_is_url(line) && config_add_url(&c, line, &a, &e) == 0) {
		must(a->host[0] != '\0' && a->user[0] != '\0' && a->port <= 65535);
		check_accounts(&c);
	}
	config_release(&c);
	if (words_split(line, &words, &e) == 0)
		must(words.n == 0 || words.at[words.n] == NULL);
	string_list_release(&words);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	try_file(text, size);
	text[strcspn(text, "\n")] = '\0';
	try_line(text);
	free(text);
	return 0;
}
