/* SPDX-License-Identifier: MIT */
/*
 * cmd_status.c -- STATUS (RFC 9051 section 6.3.11) and its items, which LIST-STATUS (RFC 5819) shares.
 *
 * An item that the server does not know would make it refuse the whole command, so each is asked for only where
 * its extension is offered.
 */
#include "core/imap/cmd.h"

#include "core/imap/caps.h"

struct status_item {
	uint32_t bit;
	const char *name;
	const char *capability[2]; /* any of them; none: always there */
	bool in_rev2;
};
static const struct status_item items_known[] = {
	{IMAP4_ST_MESSAGES, "MESSAGES", {NULL, NULL}, false},
	{IMAP4_ST_UIDNEXT, "UIDNEXT", {NULL, NULL}, false},
	{IMAP4_ST_UIDVALIDITY, "UIDVALIDITY", {NULL, NULL}, false},
	{IMAP4_ST_UNSEEN, "UNSEEN", {NULL, NULL}, false},
	{IMAP4_ST_RECENT, "RECENT", {NULL, NULL}, false},
	{IMAP4_ST_HIGHESTMODSEQ, "HIGHESTMODSEQ", {"CONDSTORE", "QRESYNC"}, false},
	{IMAP4_ST_SIZE, "SIZE", {"STATUS=SIZE", NULL}, true},
	{IMAP4_ST_MAILBOXID, "MAILBOXID", {"OBJECTID", NULL}, false},
	{IMAP4_ST_APPENDLIMIT, "APPENDLIMIT", {"APPENDLIMIT", NULL}, false},
	{IMAP4_ST_DELETED, "DELETED", {"QUOTA=RES-MESSAGE", NULL}, true},
	{IMAP4_ST_DELETED_STORAGE, "DELETED-STORAGE", {"QUOTA=RES-STORAGE", NULL}, false},
};
#define ITEMS_KNOWN (sizeof items_known / sizeof items_known[0])

/* APPENDLIMIT or APPENDLIMIT=n (RFC 7889 section 3) */
static bool has_appendlimit(const struct imap4_cmd *c)
{
	return cmd_has(c, "APPENDLIMIT", false) ||
		caps_value(engine_caps(c->engine), "APPENDLIMIT=").p != NULL;
}

static bool is_offered(const struct imap4_cmd *c, const struct status_item *item)
{
	/* RFC 9051 appendix E, 12 */
	if (item->bit == IMAP4_ST_RECENT && engine_enabled(c->engine, "IMAP4rev2"))
		return false;
	if (item->capability[0] == NULL)
		return true;
	if (item->bit == IMAP4_ST_APPENDLIMIT)
		return has_appendlimit(c);
	return cmd_has(c, item->capability[0], item->in_rev2) ||
		(item->capability[1] != NULL && cmd_has(c, item->capability[1], false));
}

uint32_t status_offered(const struct imap4_cmd *c, uint32_t items)
{
	uint32_t offered = 0;
	for (size_t i = 0; i < ITEMS_KNOWN; i++)
		if ((items & items_known[i].bit) != 0 && is_offered(c, &items_known[i]))
			offered |= items_known[i].bit;
	return offered;
}

void status_encode(struct enc *enc, uint32_t items)
{
	enc_raw(enc, "(");
	bool first = true;
	for (size_t i = 0; i < ITEMS_KNOWN; i++) {
		if ((items & items_known[i].bit) == 0)
			continue;
		enc_raw(enc, first ? "" : " ");
		enc_raw(enc, items_known[i].name);
		first = false;
	}
	enc_raw(enc, ")");
}

static bool claims(const struct imap4_cmd *c, const struct imap4_data *d)
{
	return imap4_data_kind(d) == IMAP4_DATA_STATUS &&
		cmd_mailbox_is(imap4_data_status(d)->mailbox, buf_slice(&c->mailbox));
}

static int encode(struct imap4_cmd *c, struct err *e)
{
	(void)e;
	uint32_t items = status_offered(c, c->items);
	if (items == 0) {
		cmd_fail_local(c, IMAP4_E_NOCAP, "the server offers none of the items");
		return 1;
	}
	enc_raw(&c->enc, "STATUS ");
	enc_mailbox(&c->enc, buf_slice(&c->mailbox));
	enc_raw(&c->enc, " ");
	status_encode(&c->enc, items);
	return 0;
}

/* Answers name the mailbox but not the tag. */
static bool conflicts(const struct imap4_cmd *c, const struct imap4_cmd *other)
{
	return status_is(other) &&
		cmd_mailbox_is((imap4_str){buf_str(&other->mailbox), other->mailbox.len},
			buf_slice(&c->mailbox));
}

static const struct cmd_kind kind = {
	.name = "STATUS",
	.flags = CMD_READ_ONLY | CMD_NEEDS_AUTH | CMD_TRY_ENCODE,
	.claims = claims,
	.encode = encode,
	.conflicts = conflicts,
};

bool status_is(const struct imap4_cmd *c)
{
	return c->kind == &kind;
}

imap4_cmd *imap4_status_start(imap4_session *s, imap4_str mailbox, uint32_t items)
{
	if (items == 0)
		return session_refuse(s, IMAP4_E_ARG, "STATUS: no items");
	struct imap4_cmd *c = cmd_new(s, &kind);
	if (c == NULL)
		return NULL;
	c->items = items;
	struct err e = ERR_INIT;
	(void)buf_add(&c->mailbox, mailbox.ptr, mailbox.len);
	if (buf_check(&c->mailbox, "a mailbox name", &e) != 0)
		return cmd_discard(c, &e);
	return cmd_submit(c);
}
