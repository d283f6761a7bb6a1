/* SPDX-License-Identifier: MIT */
/* imap4_mailbox.h -- CREATE, DELETE, RENAME, subscriptions, access rights, quota. Those that change something are refused
 * by IMAP4_POLICY_BACKUP. Included by imap4.h. */
#ifndef IMAP4_MAILBOX_H
#define IMAP4_MAILBOX_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mailboxes ---------------------------------------------------------------------------------------- */

/* CREATE. special_use: "\\Sent" (RFC 6154 section 3), or NULL; IMAP4_E_NOCAP without CREATE-SPECIAL-USE. */
IMAP4_API imap4_cmd *imap4_create_start(
	imap4_session *s, imap4_str mailbox, const char *special_use);
/* SUBSCRIBE, and below UNSUBSCRIBE (RFC 9051 sections 6.3.7 and 6.3.8): the list of names that LIST (SUBSCRIBED) and LSUB
 * show. */
IMAP4_API imap4_cmd *imap4_subscribe_start(imap4_session *s, imap4_str mailbox);
/* DELETE removes the mailbox with its messages; most servers keep what is below it (RFC 9051 section 6.3.5). */
IMAP4_API imap4_cmd *imap4_delete_start(imap4_session *s, imap4_str mailbox);
/* RENAME, with what is below it. From INBOX: its messages are moved and INBOX stays (RFC 9051 section 6.3.6). */
IMAP4_API imap4_cmd *imap4_rename_start(imap4_session *s, imap4_str from, imap4_str to);
IMAP4_API imap4_cmd *imap4_unsubscribe_start(imap4_session *s, imap4_str mailbox);

/* ---- access rights (RFC 4314) and quota (RFC 2087, RFC 9208) ------------------------------------------------- *
 * IMAP4_E_NOCAP without ACL, QUOTA. The answers are the commands' data, with views below; strings are borrowed from them.
 * IMAP4_POLICY_BACKUP refuses SETACL, DELETEACL and SETQUOTA.
 */

/* GETACL (RFC 4314 section 3.3): imap4_data_acl(). */
IMAP4_API imap4_cmd *imap4_getacl_start(imap4_session *s, imap4_str mailbox);
/* rights: "lrs", or a change: "+w", "-te". */
IMAP4_API imap4_cmd *imap4_setacl_start(
	imap4_session *s, imap4_str mailbox, const char *identifier, const char *rights);
/* DELETEACL: all that is set for it. LISTRIGHTS: what it can be given. MYRIGHTS: what this user has. RFC 4314 sections 3.2,
 * 3.4 and 3.5; imap4_data_rights(). */
IMAP4_API imap4_cmd *imap4_deleteacl_start(
	imap4_session *s, imap4_str mailbox, const char *identifier);
IMAP4_API imap4_cmd *imap4_listrights_start(
	imap4_session *s, imap4_str mailbox, const char *identifier);
IMAP4_API imap4_cmd *imap4_myrights_start(imap4_session *s, imap4_str mailbox);
typedef struct imap4_acl {
	imap4_str identifier; /* with a "-" in front: rights that are taken away */
	imap4_str rights;     /* one letter each (RFC 4314 section 2.1) */
} imap4_acl;
/* The i-th entry of an ACL response. 0: there is none. */
IMAP4_API int imap4_data_acl(const imap4_data *d, size_t i, imap4_acl *out);
/* MYRIGHTS: the rights (i = 0). LISTRIGHTS: those that are always granted (i = 0), then the groups that can be, each all or
 * none. Absent: there is none. */
IMAP4_API imap4_str imap4_data_rights(const imap4_data *d, size_t i);

/* GETQUOTA (RFC 9208 section 4.1.1) of a quota root, whose name is no mailbox name: imap4_data_quota(). */
IMAP4_API imap4_cmd *imap4_getquota_start(imap4_session *s, const char *root);
/* The roots of a mailbox (QUOTAROOT) and their quota (QUOTA). */
IMAP4_API imap4_cmd *imap4_getquotaroot_start(imap4_session *s, imap4_str mailbox);
typedef struct imap4_quota {
	imap4_str resource;    /* "STORAGE": KiB; "MESSAGE" */
	uint64_t usage, limit; /* in the unit of the resource (RFC 9208 section 5) */
} imap4_quota;
/* All limits of a root; none lifts them. Usage is not sent. */
IMAP4_API imap4_cmd *imap4_setquota_start(
	imap4_session *s, const char *root, const imap4_quota *limits, size_t n);
/* The i-th resource of a QUOTA response; *root may be NULL. 0: there is none. */
IMAP4_API int imap4_data_quota(const imap4_data *d, size_t i, imap4_str *root, imap4_quota *out);
/* The i-th root of a QUOTAROOT response, or absent. */
IMAP4_API imap4_str imap4_data_quotaroot(const imap4_data *d, size_t i);

#ifdef __cplusplus
}
#endif
#endif
