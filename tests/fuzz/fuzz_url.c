/* SPDX-License-Identifier: MIT */
/*
 * fuzz_url.c -- any text as an imap URL: what is read has a host, no control character where none may be, and is the same
 * when it is read again.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void look(const char *s)
{
	for (; s != NULL && *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

static void same(const char *a, const char *b)
{
	must(a == NULL ? b == NULL : b != NULL && strcmp(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const imap4_str text = {(const char *)data, size};
	imap4_url *u, *again;
	imap4_err r = imap4_url_parse(text, 0, &u);
	must(r == IMAP4_OK ? u != NULL : u == NULL && r == IMAP4_E_ARG);
	must(imap4_url_parse(text, 1, &again) == r);
	if (r != IMAP4_OK)
		return 0;
	must(u->host != NULL && u->host[0] != '\0' && u->port != 0);
	must(strpbrk(u->host, "/@?# \\") == NULL);
	must(u->uid == 0 || u->mailbox.len > 0);
	must(u->partial_count == 0 || u->has_partial);
	look(u->user);
	look(u->auth);
	look(u->host);
	look(u->mailbox.ptr);
	look(u->section);
	look(u->expire);
	look(u->urlauth);
	same(u->host, again->host);
	same(u->user, again->user);
	same(u->search, again->search);
	imap4_url_free(u);
	imap4_url_free(again);
	return 0;
}
