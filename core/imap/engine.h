/* SPDX-License-Identifier: MIT */
/*
 * engine.h -- the protocol without sockets and clocks: bytes in, events out; commands in, bytes out.
 *
 * The engine owns the queue of commands. A command is queued by engine_submit(), encoded when it is sent, and sent
 * when may_send() -- the only place that knows all reasons to wait -- allows:
 *   - the set-up is over (engine_open_gate), unless the command belongs to it
 *   - no barrier is in flight (LOGIN, AUTHENTICATE, STARTTLS, COMPRESS, SELECT, EXAMINE, UNSELECT, IDLE, LOGOUT), and a
 *     barrier waits until nothing is in flight
 *   - no command waits for a continuation ("+"): a synchronising literal, a SASL step
 *   - the window is not full, and less than IMAP_OUTPUT_MAX octets wait to be written
 *   - untagged answers that carry no tag (LIST, SEARCH, STATUS of one mailbox, NAMESPACE, ID ...) stay unambiguous: at
 *     most one such command of a kind in flight (STATUS: of a mailbox)
 * Only UIDs are arguments inside the program, which is what makes pipelining legal (RFC 9051 section 5.5).
 *
 * Routing: an untagged response goes to the oldest command in flight that claims it; otherwise it is
 * unasked and goes to the events. Counters of the selected mailbox are updated first in any case. A tagged
 * response is accepted only for a command that was completely written and is still open; any other tag
 * is a protocol error. A "+" that nobody waits for is ignored (counted as unasked).
 *
 * After -1 from engine_feed() the connection must be dropped and engine_fail() called.
 */
#ifndef CORE_IMAP_ENGINE_H
#define CORE_IMAP_ENGINE_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/imap/enc.h"
#include "core/imap/imap4.h"
#include "core/imap/lexer.h"
#include "core/imap/resp.h"

struct engine;
struct caps;

struct engine_config {
	struct imap_limits limits;
	unsigned window;
	imap4_policy policy;
	uint32_t tag_seed; /* random prefix of the tags of this connection */
	/* Called from inside engine_feed(). */
	void *ctx;
	void (*unasked)(void *ctx, const struct imap4_data *d);
	/* After that, and with a copy of lines that a command claims (engine_keep_codes()): may take *d over (and set it to
	 * NULL). May be NULL. */
	void (*keep)(void *ctx, struct imap4_data **d, bool claimed);
	void (*alert)(void *ctx, imap4_str text);
	void (*progress)(void *ctx, const imap4_progress *p);
	/* Incoming bytes for the trace, by what they are: enum trace_kind. May be NULL. */
	void (*saw)(void *ctx, int kind, const void *p, size_t n);
};

int engine_new(struct engine **out, const struct engine_config *c, struct err *e) NODISCARD;
void engine_free(struct engine *g); /* NULL is fine; frees all commands */

/* ---- input ------------------------------------------------------------------------------------------- */

/* Take n bytes from the server. *used < n only when the byte stream changes its meaning here: after the tagged
 * OK of STARTTLS, COMPRESS or UNAUTHENTICATE (engine_upgrade() says which); the rest was not looked at.
 * -1: E_PROTO, E_LIMIT, E_NOMEM, E_BYE (in the greeting, or later when no LOGOUT asked for it). */
int engine_feed(struct engine *g, const void *p, size_t n, size_t *used, struct err *e) NODISCARD;

enum engine_upgrade {
	ENGINE_UPGRADE_NONE,
	ENGINE_UPGRADE_TLS,
	ENGINE_UPGRADE_DEFLATE,
	ENGINE_UPGRADE_PLAIN, /* compression is over */
};
enum engine_upgrade engine_upgrade(const struct engine *g);
/* The layer is in place. For TLS everything learnt before is forgotten: lexer, capabilities, greeting state,
 * counters, data (reliability rule S3); commands that were not sent yet stay queued. */
int engine_upgraded(struct engine *g, struct err *e) NODISCARD;

bool engine_greeted(const struct engine *g);
bool engine_preauth(const struct engine *g);
/* The greeting is untrusted before TLS, so its capabilities can be dropped and asked again. */
struct slice engine_greeting(const struct engine *g);

/* ---- output ------------------------------------------------------------------------------------------ */

/* Encode what may be sent now and return all that is to be written. Empty when there is nothing. Borrowed until the next
 * call. */
struct slice engine_output(struct engine *g);
/* The first piece of what was given and not sent: *secret says how the trace must show it. Nothing is encoded. */
struct slice engine_output_piece(const struct engine *g, bool *secret);
void engine_sent(struct engine *g, size_t n);
/* Is that piece part of a message (for the trace)? */
bool engine_output_is_body(const struct engine *g);
/* When there is nothing to send: -1 when that is because an upload cannot be completed. The connection must be
 * dropped then, as after -1 from engine_feed(). */
int engine_check(const struct engine *g, struct err *e) NODISCARD;
/* Commands (other than set-up ones) may be sent from now on. */
void engine_open_gate(struct engine *g);
/* Until it is opened again: after a login, when the new capabilities are not known yet. */
void engine_close_gate(struct engine *g);

/* ---- state ------------------------------------------------------------------------------------------- */

imap4_state engine_state(
	const struct engine *g); /* never CONNECTING or DEAD: that is the session's */
void engine_set_state(struct engine *g, imap4_state s);
/* UNAUTHENTICATE took place: no mailbox, nothing enabled, nobody logged in (RFC 8437 section 4.1). */
void engine_unauthenticated(struct engine *g);
const struct caps *engine_caps(const struct engine *g);
/* How many times the capabilities were set: a login compares, to see whether the server told the new ones by itself. */
unsigned engine_caps_count(const struct engine *g);
const imap4_selected *engine_selected(const struct engine *g);
bool engine_enabled(const struct engine *g, const char *cap);
/* UTF8=ACCEPT or IMAP4rev2 is enabled: names and quoted strings are UTF-8 (RFC 6855 section 3, RFC 9051 section 5.1). */
bool engine_utf8(const struct engine *g);
bool engine_compressed(const struct engine *g); /* ENGINE_UPGRADE_DEFLATE took place */
/* The answer that ends compression is awaited: give engine_feed() no octet that may be behind it. */
bool engine_compression_ends(const struct engine *g);
void engine_set_compression_ends(struct engine *g, bool ends);
bool engine_said_bye(const struct engine *g);
bool engine_logging_out(const struct engine *g); /* LOGOUT is in flight */
bool engine_in_response(
	const struct engine *g); /* a response, or a literal in it, has begun and not ended */
/* Does the server owe an answer? Not while nothing but an accepted IDLE is in flight. */
bool engine_awaits_answer(const struct engine *g);
size_t engine_in_flight(const struct engine *g); /* commands sent (or partly) and not complete */
size_t engine_queued(const struct engine *g);	 /* waiting to be sent */
/* True while a callback of the caller runs: pumping, waiting and closing are refused then. */
bool engine_in_callback(const struct engine *g);

/* Complete every command with this outcome (sinks get end(0)); nothing is sent any more. With IMAP4_E_BYE the results
 * carry the server's words. A LOGOUT that was answered with BYE is complete all the same. Only the first call counts. */
void engine_fail(struct engine *g, imap4_err err, const struct err *why);
/* How engine_fail() ended it; NULL before. */
const imap4_result *engine_result(const struct engine *g);

/* ---- commands (cmd.c) ------------------------------------------------------------------------------ */

struct imap4_cmd;
/* Send what was added to a command in flight behind enc_next_line(). */
int engine_go_on(struct engine *g, struct imap4_cmd *c, struct err *e) NODISCARD;
void engine_adopt(struct engine *g, struct imap4_cmd *c); /* from cmd_new on the engine owns it */
void engine_disown(struct engine *g, struct imap4_cmd *c);
void engine_submit(struct engine *g, struct imap4_cmd *c);
void engine_release(struct engine *g, struct imap4_cmd *c); /* imap4_cmd_free */
void engine_next_tag(struct engine *g, char *tag, size_t size);
imap4_policy engine_policy(const struct engine *g);
bool engine_is_over(const struct engine *g); /* failed, or logged out: nothing can be started */
enum enc_literals engine_literals(const struct engine *g);
/* The rules of a mailbox being opened and left (cmd_select.c). Begun behind others, it begins when its turn comes. */
void engine_select_begin(struct engine *g);
void engine_select_end(struct engine *g, bool ok, bool read_only);
/* Is what comes still said of the mailbox that was selected before? Not known of servers without CONDSTORE: false. */
bool engine_select_leaving(const struct engine *g);
/* Does the server tell of events by itself (NOTIFY)? Then responses that nobody asked for are no flood, and come with
 * their bodies. */
void engine_set_notified(struct engine *g, bool on);
/* Responses that nobody asked for come with their bodies, as far as these are small: somebody listens. */
void engine_keep_bodies(struct engine *g, bool on);
/* engine_config.keep gets a copy of each line with a code that belongs to a command, also of the tagged ones. */
void engine_keep_codes(struct engine *g, bool on);
/* "$", the result that a SEARCH saved in the selected mailbox (RFC 5182): there is none, it will be there when what is in
 * flight is done, it is there. */
enum engine_saved { ENGINE_SAVED_NOT, ENGINE_SAVED_SOON, ENGINE_SAVED };
enum engine_saved engine_saved(const struct engine *g);
void engine_set_saved(struct engine *g, enum engine_saved saved);
void engine_set_upgrade(struct engine *g, enum engine_upgrade u);

#endif
