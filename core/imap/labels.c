/* SPDX-License-Identifier: MIT */
/* labels.c -- Gmail's labels of a message as text (X-GM-LABELS). */
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"
#include "core/imap/imap4_util.h"
#include "core/imap/limits.h"
#include "core/imap/resp_private.h"

/* Each in UTF-8 with a NUL behind, one after the other. */
static size_t add_labels(struct buf *text, const imap4_node *list)
{
	size_t n = 0;
	for (const imap4_node *c = imap4_node_child(list); c != NULL; c = imap4_node_next(c)) {
		struct slice wire = resp_node_slice(c);
		if (wire.p == NULL)
			continue;
		if (!mutf7_decode(wire, text))
			(void)buf_add_slice(text, wire);
		(void)buf_add_byte(text, '\0');
		n++;
	}
	return n;
}

/* The pointers, and the texts behind them. */
static char **one_block(const struct buf *text, size_t n)
{
	char **label = calloc(1, (n + 1) * sizeof *label + text->len);
	if (label == NULL)
		return NULL;
	char *at = (char *)(label + n + 1);
	if (text->len > 0)
		memcpy(at, text->data, text->len);
	for (size_t i = 0; i < n; i++) {
		label[i] = at;
		at += strlen(at) + 1;
	}
	return label;
}

imap4_err imap4_message_labels(const imap4_message *m, char ***labels, size_t *n)
{
	*labels = NULL;
	*n = 0;
	if ((m->have & IMAP4_MSG_GM_LABELS) == 0)
		return IMAP4_E_ARG;
	/* UTF-8 is at most twice as long as modified UTF-7. */
	struct buf text = BUF_INIT(2 * (size_t)IMAP_LIST_RESPONSE_MAX);
	size_t count = add_labels(&text, imap4_message_item(m, "X-GM-LABELS"));
	if (text.failed == E_NONE)
		*labels = one_block(&text, count);
	buf_release(&text);
	if (*labels == NULL)
		return IMAP4_E_NOMEM;
	*n = count;
	return IMAP4_OK;
}
