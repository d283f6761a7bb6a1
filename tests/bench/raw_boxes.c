/* SPDX-License-Identifier: MIT */
/*
 * raw_boxes.c -- the folders of an account, asked for in one command or in many that are in flight together.
 */
#include "tests/bench/raw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_ITEMS "(MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"

/* Takes over the name. */
static struct box *add(struct boxes *b, char *name)
{
	if (b->n % 64 == 0) {
		b->at = realloc(b->at, (b->n + 64) * sizeof *b->at);
		if (b->at == NULL)
			die("no memory");
	}
	if (name == NULL)
		die("no memory");
	b->at[b->n] = (struct box){.name = name};
	return &b->at[b->n++];
}

/* The end of the quoted string or atom at p. The benchmark's names hold no quotation marks. */
static char *name_end(char *p)
{
	char *quote = *p == '"' ? strchr(p + 1, '"') : NULL;
	return quote != NULL ? quote + 1 : p + strcspn(p, " ");
}

static uint64_t item(const char *line, const char *name)
{
	const char *p = strstr(line, name);
	return p != NULL ? strtoull(p + strlen(name), NULL, 10) : 0;
}

/* "* STATUS name (MESSAGES 1 ...)" */
static void status_line(void *arg, char *line)
{
	if (strncmp(line, "* STATUS ", 9) != 0)
		return;
	char *end = name_end(line + 9);
	struct box *x = add(arg, strndup(line + 9, (size_t)(end - line - 9)));
	x->messages = (uint32_t)item(end, "MESSAGES ");
	x->uidnext = (uint32_t)item(end, "UIDNEXT ");
	x->validity = (uint32_t)item(end, "UIDVALIDITY ");
	x->modseq = item(end, "HIGHESTMODSEQ ");
}

/* "* LIST (\HasNoChildren) "/" name" */
static void list_line(void *arg, char *line)
{
	char *p = strncmp(line, "* LIST (", 8) == 0 ? strchr(line, ')') : NULL;
	if (p == NULL || strlen(p) < 7)
		return;
	*p = '\0';
	if (strstr(line, "\\Noselect") == NULL && strstr(line, "\\NonExistent") == NULL)
		add(arg, strdup(name_end(p + 2) + 1));
}

void boxes_list_status(struct conn *c, struct boxes *b)
{
	struct reader r = {.line = status_line, .arg = b};
	conn_printf(c, "L LIST \"\" \"*\" RETURN (STATUS " STATUS_ITEMS ")\r\n");
	conn_until(c, "L", &r);
}

void boxes_status(struct conn *c, struct boxes *b, unsigned window)
{
	struct boxes names = {NULL, 0};
	struct reader list = {.line = list_line, .arg = &names},
		      status = {.line = status_line, .arg = b};
	conn_printf(c, "L LIST \"\" \"*\"\r\n");
	conn_until(c, "L", &list);
	size_t asked = 0;
	for (size_t got = 0; got < names.n; got++) {
		for (; asked < names.n && asked - got < window; asked++)
			conn_printf(c, "S%zu STATUS %s " STATUS_ITEMS "\r\n", asked,
				names.at[asked].name);
		char tag[32];
		snprintf(tag, sizeof tag, "S%zu", got);
		conn_until(c, tag, &status);
	}
	boxes_release(&names);
}

void boxes_save(const struct boxes *b, const char *path)
{
	FILE *f = fopen(path, "we");
	if (f == NULL)
		die("%s: cannot be written", path);
	for (size_t i = 0; i < b->n; i++)
		fprintf(f, "%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %s\n",
			b->at[i].messages, b->at[i].uidnext, b->at[i].validity, b->at[i].modseq,
			b->at[i].name);
	if (fclose(f) != 0)
		die("%s: cannot be written", path);
}

void boxes_load(struct boxes *b, const char *path)
{
	FILE *f = fopen(path, "re");
	if (f == NULL)
		die("%s: cannot be read", path);
	struct box x;
	char name[1024];
	while (fscanf(f, "%" SCNu32 " %" SCNu32 " %" SCNu32 " %" SCNu64 " %1023[^\n]", &x.messages,
		       &x.uidnext, &x.validity, &x.modseq, name) == 5) {
		x.name = add(b, strdup(name))->name;
		b->at[b->n - 1] = x;
	}
	fclose(f);
}

/* The benchmark's accounts list their folders in the same order each time: look behind the last hit first. */
const struct box *boxes_find(const struct boxes *b, const char *name, size_t *hint)
{
	for (size_t i = 0; i < b->n; i++) {
		size_t k = (*hint + i) % b->n;
		if (strcmp(b->at[k].name, name) == 0) {
			*hint = k + 1;
			return &b->at[k];
		}
	}
	return NULL;
}

void boxes_release(struct boxes *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->at[i].name);
	free(b->at);
	*b = (struct boxes){NULL, 0};
}
