/* SPDX-License-Identifier: MIT */
/*
 * limits.h -- every bound of a job, with its name: what a run may hold, repeat or wait for. Servers
 * decide how much there is to do; these decide when to stop trusting them.
 */
#ifndef CORE_SYNC_LIMITS_H
#define CORE_SYNC_LIMITS_H

#include <stdint.h>

#define SYNC_CONNECTIONS_MAX 16	    /* connections of one job */
#define SYNC_MAILBOXES_MAX   100000 /* names in the answers to LIST */
#define SYNC_STATUS_WINDOW   512    /* STATUS commands asked and not answered */

#define SYNC_MESSAGE_DEFAULT (UINT64_C(256) << 20) /* octets of one message */
#define SYNC_MESSAGE_MAX     ((uint64_t)UINT32_MAX)
#define SYNC_AUDIT_DEFAULT   10 /* a full listing at least every so many runs */

/* One batch of bodies: small enough that a failure costs little, several in flight so that the
 * pipe never drains. */
#define SYNC_BATCH_FIRST 100
#define SYNC_BATCH_MAX	 500
#define SYNC_BATCH_BYTES (UINT64_C(8) << 20)
#define SYNC_BATCHES	 3 /* in flight */
#define SYNC_SWEEP_MAX                                                                             \
	500 /* a mailbox with so many new messages is fetched without being listed first */
#define SYNC_AHEAD_MAX 32 /* mailboxes opened behind one another on one connection */
#define SYNC_WINDOW                                                                                \
	512 /* commands in flight: they are short, and a wide window hides the distance */
/* A server this far away is hardly ever reached faster than 250 Mbit/s on one connection: below that its processor
 * compresses faster than the line carries. */
#define SYNC_FAR_MS	   5
#define SYNC_COMPRESS_FROM 50 /* new messages: for fewer a round trip is not worth it */
#define SYNC_SINGLES_MAX   16 /* a refused batch with so few left is asked one by one at once */
#define SYNC_HEADERS_BATCH 200

#define SYNC_RECONNECTS_MAX    10  /* per run */
#define SYNC_DIAL_TRIES	       3   /* attempts in a row that got no connection */
#define SYNC_DIAL_PAUSE_MS     200 /* after the first of them; doubles */
#define SYNC_MESSAGE_DEATHS    2   /* connections lost over one message: then it is failed */
#define SYNC_MAILBOX_DEATHS    2   /* the same for opening or listing a mailbox */
#define SYNC_UIDVALIDITIES_MAX 3   /* of one mailbox in one run */

/* After an uploader is gone its server may still be working on what had arrived: so long nobody concludes from looking. */
#define SYNC_SETTLE_MS 3000

#define SYNC_THROTTLE_FIRST_MS 30000 /* when the server asks to slow down but not for how long */
#define SYNC_THROTTLE_WAIT_MS  (5 * 60000)  /* one wait */
#define SYNC_THROTTLE_RUN_MS   (30 * 60000) /* all waits of a run */

#define SYNC_NOTES_MAX 20 /* notes about single messages of one mailbox; the rest is counted */
#define SYNC_SAMPLE    3  /* matched messages that are fetched all the same, to check the match */
/* The same for messages known by their ids, in a run: of those the server promises it (RFC 8474 section 5.1). */
#define SYNC_KNOWN_SAMPLE 1
#define SYNC_MATCH_MAX	  2000000 /* messages looked at when UIDVALIDITY changed */
#define SYNC_PROGRESS_MS  50
#define SYNC_LOGOUT_MS	  2000 /* wait for the answer to LOGOUT */

#endif
