/* SPDX-License-Identifier: MIT */
/* folders.h -- what the server has: LIST and STATUS, in one round trip where the server can do
 * that. */
#ifndef CORE_SYNC_FOLDERS_H
#define CORE_SYNC_FOLDERS_H

#include "core/sync/sync.h"

enum {
	FOLDERS_SIZE = 1 << 0,	       /* STATUS SIZE too, when offered */
	FOLDERS_SELECTED = 1 << 1,     /* ask STATUS for mailboxes the account selects only */
	FOLDERS_NO_NAMESPACE = 1 << 2, /* Exchange 2003 hangs up on NAMESPACE */
};

/* Blocking. Sorted by name, INBOX first; with FOLDERS_SELECTED, where messages have ids and one mailbox has
 * all of them, \All, \Junk and \Trash before the others. *complete: every LIST ended well, so a name that is missing is not there. Only then
 * may anything be called vanished. */
int folders_gather(imap4_session *s, const struct sync_account *a, unsigned options,
	struct sync_folders *out, bool *complete, struct err *e) NODISCARD;

/* LIST said so; "\All", case is ignored. */
bool folder_has_attribute(const struct sync_folder *f, const char *attribute);

#endif
