/* SPDX-License-Identifier: MIT */
/*
 * fuzz_engine.c -- a whole session: commands of every kind are queued, and the input is all that the server says, with $1,
 * $2 ... for the tags. It is given in pieces, so that commands go out between them.
 */
#include <stdint.h>
#include <string.h>

#include "tests/support/engine_rig.h"

#define PIECE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static imap4_str str(const char *s)
{
	return (imap4_str){s, strlen(s)};
}

static void start_account(imap4_session *s)
{
	static const char *const words[] = {"name", "value\n"}, *const cap[] = {"CONDSTORE"},
				 *const pattern[] = {"*", "a/%"};
	(void)imap4_capability_start(s);
	(void)imap4_id_start(s, words, 1);
	(void)imap4_namespace_start(s);
	(void)imap4_enable_start(s, cap, 1);
	(void)imap4_list_start(s, "", pattern, 2,
		&(imap4_list_opts){.struct_size = sizeof(imap4_list_opts),
			.ret = IMAP4_RET_SPECIAL_USE,
			.status_items = 0x3ff});
	(void)imap4_lsub_start(s, "", "*");
	(void)imap4_status_start(s, str("a"), 0x3ff);
	(void)imap4_status_start(s, str("b\r\nc"), IMAP4_ST_MESSAGES);
}

static void start_mailbox(imap4_session *s, const imap4_sink *sink)
{
	struct uidset set = UIDSET_INIT;
	struct err e = ERR_INIT;
	if (uidset_add_range(&set, 1, 9, &e) != 0)
		return;
	(void)imap4_select_start(s, str("INBOX"),
		&(imap4_select_opts){.struct_size = sizeof(imap4_select_opts), .condstore = 1});
	(void)imap4_fetch_start(s, &set, "UID FLAGS INTERNALDATE BODY.PEEK[]",
		&(imap4_fetch_opts){
			.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID, .sink = sink});
	imap4_cmd_free(imap4_fetch_start(s, &set, "UID BODY.PEEK[HEADER]",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts), .by = IMAP4_BY_UID}));
	(void)imap4_fetch_start(s, NULL, "UID X-GM-LABELS BODY.PEEK[1]",
		&(imap4_fetch_opts){.struct_size = sizeof(imap4_fetch_opts),
			.by = IMAP4_BY_UID,
			.open_from = 10,
			.changedsince = 1});
	(void)imap4_search_set_start(s, &set,
		&(imap4_search_opts){.struct_size = sizeof(imap4_search_opts), .by = IMAP4_BY_UID});
	(void)imap4_fetch_start(s, &set, "FAST", NULL);
	(void)imap4_unselect_start(s);
	(void)imap4_logout_start(s);
	uidset_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig *r = rig_new(&(struct rig_options){.own_greeting = true}, 0);
	if (r == NULL)
		return 0;
	struct rig_sink sink;
	rig_sink_init(&sink, r);
	start_account(r->session);
	start_mailbox(r->session, &sink.sink);
	engine_open_gate(r->engine);
	for (size_t at = 0; at < size;) {
		/* A piece is a line, or what there is of one. */
		size_t max = size - at < PIECE ? size - at : PIECE;
		const uint8_t *end = memchr(data + at, '\n', max);
		size_t n = end != NULL ? (size_t)(end - (data + at)) + 1 : max;
		rig_say_n(r, (const char *)data + at, n);
		if (engine_greeted(r->engine) && engine_state(r->engine) == IMAP4_NOT_AUTHENTICATED)
			engine_set_state(r->engine, IMAP4_AUTHENTICATED);
		at += n;
	}
	rig_lose(r, IMAP4_E_CLOSED, E_CLOSED, "the end of the input");
	rig_free(r);
	return 0;
}
