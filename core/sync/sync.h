/* SPDX-License-Identifier: MIT */
/*
 * sync.h -- jobs on one account: the face that cmd/ uses. The only layer that sees server and
 * archive.
 *
 * A job is one blocking call. It runs its own poll loop over as many connections as it needs,
 * reports through callbacks while it works, and fills in a report. It logs nothing and prints
 * nothing.
 *
 * What a backup promises (DESIGN rules 2-6): the server is not changed; nothing stored is deleted
 * or rewritten; each UID of each selected mailbox ends as stored, gone (proved) or failed (with a
 * reason, tried again in each run); one bad message, mailbox or connection does not stop the
 * others; the result says OK only when nothing is missing.
 */
#ifndef CORE_SYNC_SYNC_H
#define CORE_SYNC_SYNC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/imap/imap4.h"
#include "store/store.h"

/* ---- an account, as configured --------------------------------------------------------------- */

struct sync_patterns {
	char **at;
	size_t n;
};

struct sync_hooks;

/* COMPRESS=DEFLATE (RFC 4978). */
enum sync_compress {
	SYNC_COMPRESS_AUTO, /* when there is mail to fetch and the server is far away: see sync_compresses() */
	SYNC_COMPRESS_YES, /* whenever the server offers it, as soon as we are logged in */
	SYNC_COMPRESS_NO,
};

/* All strings are borrowed for the duration of the job. */
struct sync_account {
	const char *name; /* how people call it; in every message */
	/* where */
	const char *host;
	uint16_t port; /* 0 = by security */
	imap4_security security;
	const char *const *tunnel; /* argv of a command instead of host:port, or NULL */
	const char *ca_file, *client_cert, *client_key;
	const char *const *pins;
	size_t npins;
	bool pin_only, allow_cleartext;
	/* who */
	const char *user, *authzid, *mechanism; /* mechanism NULL = best */
	/* Gets the password (or token) into out; called once for each connection at most, and
	 * not at all for PREAUTH. -1 with *e set. The job wipes it. */
	int (*secret)(void *ctx, struct buf *out, struct err *e);
	void *secret_ctx;
	/* what */
	struct sync_patterns folders, exclude; /* see sync_selects() */
	bool subscribed_only;		       /* INBOX is taken all the same */
	/* where to */
	const char *path;
	enum store_layout layout;
	enum store_newline newline;
	/* how; 0 = default */
	unsigned connections; /* default 1 */
	unsigned window;      /* commands in flight */
	enum sync_compress compress;
	/* default 256 MiB, at most 4 GiB - 1; a larger message is *failed* (too large) */
	uint64_t max_message_size;
	uint64_t byte_budget; /* stop cleanly after this many bytes of mail in one run; 0 = none */
	unsigned
		audit_every; /* full listing of a mailbox at least every so many runs; default 10 */
	bool send_id;	     /* ID command with name and version; default on in the configuration */
	unsigned idle_ms;    /* give up when the server is silent for so long; default 120,000 */
	/* extensions by name that are not to be used although offered, NULL-terminated, or NULL */
	const char *const *disable;
	/* trace of all connections: whole lines, secrets masked; may be NULL */
	void (*trace)(void *ctx, const char *line, size_t n);
	void *trace_ctx;
	/* what the server tells unasked (imap4_events.data); may be NULL */
	void (*data)(void *ctx, const imap4_data *d);
	void *data_ctx;
	/* set by the job: where the server's ALERT texts go */
	const struct sync_hooks *alerts;
	bool may_write; /* a restore: commands that change the server are allowed */
};

/*
 * Does the account select this mailbox? A name is selected when a pattern of `folders` matches (an
 * empty list selects all) and none of `exclude` does. Patterns are compared with the UTF-8 name,
 * where '/' stands for the server's hierarchy delimiter (a name also matches when written with the
 * server's own): '*' is any text, '%' any text without the delimiter, "INBOX" is matched in any
 * case, a pattern that begins with '\' is a LIST attribute such as \Junk (any case). "Foo" matches
 * Foo only, "Foo/%" its direct children only.
 */
bool sync_selects(const struct sync_account *a, struct slice display, char delimiter,
	struct slice attributes);

/* ---- running --------------------------------------------------------------------------------- */

/* Set it from a signal handler, then call sync_interrupt_wake(). */
struct sync_interrupt {
	volatile sig_atomic_t signal;	  /* 0 = go on */
	imap4_session *volatile wake[64]; /* owned by the job */
};
void sync_interrupt_wake(struct sync_interrupt *i); /* async-signal-safe */

enum sync_note {
	SYNC_NOTE_STEP,	   /* "connected to ...", "12 of 200 folders changed": for --verbose */
	SYNC_NOTE_FOLDER,  /* a folder is finished: for --verbose */
	SYNC_NOTE_WARNING, /* odd but harmless: for everybody who is not quiet */
	SYNC_NOTE_PROBLEM, /* something is not safe: always shown; counted in the report */
	SYNC_NOTE_ALERT,   /* the server's ALERT text (RFC 9051 7.1): always shown */
};

struct sync_progress {
	size_t folders_done, folders_total;
	uint64_t messages_done, messages_total; /* new messages; total is what is known so far */
	uint64_t bytes;				/* of mail received */
	struct slice folder; /* display name, not escaped; empty between folders */
};

struct sync_hooks {
	void *ctx;
	/* One line, safe to print, without account prefix and newline. */
	void (*note)(void *ctx, enum sync_note kind, const char *line);
	/* Called often (at most some 20 times a second). */
	void (*progress)(void *ctx, const struct sync_progress *p);
	struct sync_interrupt *interrupt; /* may be NULL */
};

struct sync_report {
	size_t folders, folders_unchanged, folders_failed, folders_new, folders_vanished;
	uint64_t messages_new, bytes_new, messages_gone, flags_changed;
	uint64_t messages_linked;		  /* known content, not fetched again */
	uint64_t messages_failed;		  /* not safe after this run, all folders */
	uint64_t archive_messages, archive_bytes; /* stored (not gone) after this run */
	bool budget_reached;
	struct store_recovery recovery;
	uint64_t wire_in, wire_out; /* octets on the wire, with TLS and compressed as they were */
	/* The worst error of the run; E_NONE when all is well. Partial results are E_NONE with
	 * counts above or problems > 0. */
	struct err worst;
	size_t problems;
};

struct sync_backup_options {
	bool dry_run; /* plan only: nothing is written, not even the archive's folder */
	bool audit;   /* full listing of every mailbox, whatever STATUS says */
};

/* Bring the archive up to date. 0: the run finished (look at the report: it may be partial); -1:
 * it could not (network, login, lock, store ...), *e says why; the report still tells what was
 * kept. Interrupted: -1, E_CANCELLED, after committing what was complete. */
int sync_backup(const struct sync_account *a, const struct sync_backup_options *o,
	const struct sync_hooks *h, struct sync_report *r, struct err *e) NODISCARD;

/* ---- looking at a server --------------------------------------------------------------------- */

/* Connect, log in, say who we are (ID, if wanted and offered). Blocking. The session has
 * IMAP4_POLICY_BACKUP; *a and *h must live as long as it does. A signal interrupts connecting
 * only. */
int sync_connect(struct sync_account *a, const struct sync_hooks *h, imap4_session **out,
	struct err *e) NODISCARD;
/* LOGOUT without waiting long, then close. */
void sync_disconnect(imap4_session *s);

/* Would a backup that has mail to fetch compress this connection? round_trip_ms: of any short question. *why is one clause,
 * a constant, that says what decides. */
bool sync_compresses(const struct sync_account *a, const imap4_session *s, int64_t round_trip_ms,
	const char **why);

struct sync_folder {
	struct buf wire, name, attributes; /* name: UTF-8 for people */
	char delimiter;
	bool selectable, subscribed, selected; /* selected: the account's patterns take it */
	uint32_t have;			       /* IMAP4_ST_* */
	uint32_t messages, uidnext, uidvalidity;
	uint64_t highestmodseq, size;
	struct buf refusal; /* why there is no status, if so; a text for people */
};
struct sync_folders {
	struct sync_folder *at;
	size_t n;
};
/* What the server has, with STATUS of each selectable mailbox; sorted by name, INBOX first. */
int sync_folders_remote(imap4_session *s, const struct sync_account *a, bool with_size,
	struct sync_folders *out, struct err *e) NODISCARD;
void sync_folders_release(struct sync_folders *f);

/* Translate a library outcome. what: "LIST", or NULL for r->message alone. Returns -1. */
int sync_err(struct err *e, enum err_scope scope, const imap4_result *r, const char *what);

#endif
