/* SPDX-License-Identifier: MIT */
/* imap4_session.h -- about the connection itself: compression, a mechanism of one's own, another login. Included by imap4.h. */
#ifndef IMAP4_SESSION_H
#define IMAP4_SESSION_H

#include "imap4.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- compression (RFC 4978) ------------------------------------------------------------------------------ */

/*
 * COMPRESS DEFLATE: from the tagged OK on everything is compressed in both directions, below TLS as seen from the wire.
 * Allowed by IMAP4_POLICY_BACKUP. It waits until nothing is in flight, and what is started behind it is sent compressed.
 *   IMAP4_E_NOCAP  the server does not offer COMPRESS=DEFLATE
 *   IMAP4_E_STATE  it is on already, or nobody is logged in: the RFC allows it before the login, but the length of
 *                  compressed text tells about its contents, and credentials are better kept out of it
 *   IMAP4_E_NO     with IMAP4_CODE_COMPRESSIONACTIVE when a layer of the server's does it already: nothing is lost
 * Mail that somebody else may send and secrets that somebody must not guess are better not read over one compressed
 * connection (the lengths tell); that is why it is never switched on by itself.
 */
IMAP4_API imap4_cmd *imap4_compress_start(imap4_session *s);
/* 1 while it is on. */
IMAP4_API int imap4_compressed(const imap4_session *s);
/* Octets on the wire since the beginning, with TLS and compressed as they were; imap4_bytes_in() and _out() count what
 * they stand for. */
IMAP4_API uint64_t imap4_wire_bytes_in(const imap4_session *s);
IMAP4_API uint64_t imap4_wire_bytes_out(const imap4_session *s);

/* ---- what nobody asked for, by name ------------------------------------------------------------------------- */

/*
 * Keep up to max responses that no command claims; when there are more, the oldest goes. 0 (the beginning): none. They
 * go to imap4_events.data as well. Lines with a code are kept in any case, also those that a command claims (SELECT's
 * UIDVALIDITY) and the tagged ones (APPENDUID, READ-WRITE); the command has them, too. What was said before TLS in a session
 * that wants TLS is not kept.
 */
IMAP4_API void imap4_keep_untagged(imap4_session *s, size_t max);
/* The oldest of this name ("EXISTS", "OK"; no tagged line), or line with this code ("UIDVALIDITY":
 * imap4_data_state()->code_args); case is ignored. It is the caller's then, also when the session is closed:
 * imap4_data_free(). NULL: there is none. */
IMAP4_API imap4_data *imap4_untagged_take(imap4_session *s, const char *name);
IMAP4_API void imap4_data_free(imap4_data *d); /* NULL is fine */

/* ---- a mechanism of one's own (RFC 4422) -------------------------------------------------------------------- */

/*
 * AUTHENTICATE with a mechanism that the caller brings along: the functions say what is exchanged, the library does the rest
 * (base64, the initial response of RFC 4959, masking in the trace). Each runs inside the pump, and what ctx points to
 * must live until the command is complete or freed; after that none is called any more. A response is at most `size`
 * octets, written at `out`, its length to *n (0 is a response, too); the memory is wiped.
 *   start  what the mechanism says first; NULL: it waits for a challenge. Called once at most.
 *   step   the response to a challenge of the server. < 0, from both: give up; "*" is sent, and the outcome is
 *          IMAP4_E_CANCELLED whatever the server says to that.
 *   done   the server has answered, ok: with OK. Returns < 0 when that OK must not be believed (the exchange is not at its
 *          end, the server has not proved who it is): the outcome is IMAP4_E_NOAUTH then, and nobody is logged in. May be
 *          NULL. Not called when the connection ends before.
 * IMAP4_E_INSECURE before anything is called where imap4_login_start() would send no password, unless safe_in_clear:
 * nothing that crosses the wire is worth anything to who listens. IMAP4_E_NOAUTH: the server does not offer it.
 * A command that is freed while it runs is given up in the same way.
 */
typedef struct imap4_sasl_callbacks {
	size_t struct_size;
	void *ctx;
	int (*start)(void *ctx, void *out, size_t size, size_t *n);
	int (*step)(void *ctx, imap4_str challenge, void *out, size_t size, size_t *n);
	int (*done)(void *ctx, int ok);
	int safe_in_clear;
} imap4_sasl_callbacks;
IMAP4_API imap4_cmd *imap4_authenticate_start(
	imap4_session *s, const char *mechanism, const imap4_sasl_callbacks *callbacks);

/* ---- another login on the same connection (RFC 8437) ------------------------------------------------------- */

/*
 * UNAUTHENTICATE: nobody is logged in, no mailbox is selected, nothing is enabled; TLS stays. Then the capabilities are
 * asked for again, unless the OK told them, and the next imap4_login_start() may follow; it can be queued at once. Commands
 * queued behind it that need a login wait for that one, or end with IMAP4_E_STATE when there is none. Allowed by
 * IMAP4_POLICY_BACKUP.
 * Compression ends with it (section 4.1); imap4_compress_start() may follow the next login.
 *   IMAP4_E_NOCAP  the server does not offer it (it may do so only once somebody is logged in)
 */
IMAP4_API imap4_cmd *imap4_unauthenticate_start(imap4_session *s);

#ifdef __cplusplus
}
#endif
#endif
