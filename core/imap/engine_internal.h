/* SPDX-License-Identifier: MIT */
/*
 * engine_internal.h -- the state that the engine_*.c files share. Nobody else includes this.
 *
 *   engine.c         life cycle, the lists of commands, accessors, failing
 *   engine_output.c  what may be sent when; the bytes that wait to be written
 *   engine_route.c   what came, and whose it is
 *   engine_stream.c  messages that are uploaded
 *   engine_select.c  the selected mailbox
 */
#ifndef CORE_IMAP_ENGINE_INTERNAL_H
#define CORE_IMAP_ENGINE_INTERNAL_H

#include "core/imap/caps.h"
#include "core/imap/cmd.h"
#include "core/imap/engine.h"

/* Oldest first. */
struct cmd_list {
	struct imap4_cmd *first, *last;
};

struct out_piece {
	size_t len;
	bool secret, body;
};

/* Bytes to be written. They may be a password: places they leave are wiped. */
struct out {
	unsigned char *p;
	size_t cap, head, tail; /* p[head..tail) waits */
	struct out_piece *piece;
	size_t first_piece, npieces, cap_pieces;
	uint64_t added, written; /* octets since the beginning */
};

/* The FETCH response being received, from its first body literal on. */
struct body {
	bool routed;	       /* cmd is decided (perhaps: nobody) */
	struct imap4_cmd *cmd; /* whose it is, in flight; NULL: nobody's */
	bool open;	       /* its sink had begin() and waits for end() */
};

/* The mailbox that is selected or being opened, with the storage of what imap4_selected points to. */
struct selection {
	imap4_selected view;
	struct buf mailboxid, flag_text;
	imap4_str *flags;
	bool opening; /* between SELECT and its tagged answer */
	bool leaving; /* what comes may still be about the mailbox before it */
	enum engine_saved saved;
};

struct engine {
	struct engine_config cfg;
	struct lexer *lexer;
	struct caps caps, enabled;
	unsigned caps_count;
	imap4_state state;
	bool greeted, preauth, gate_open, said_bye, failed, compressed;
	bool compression_ends;
	struct buf greeting;
	enum engine_upgrade upgrade;
	struct out out;
	struct imap4_cmd *all;
	struct cmd_list queue, flight;
	size_t nqueue, nflight;
	struct imap4_cmd *waiting; /* for the "+" of a literal */
	/* The command whose message is on its way out, and how much of it is not in the output yet. */
	struct imap4_cmd *streaming;
	uint64_t stream_left;
	struct imap4_data *early; /* the NO or BAD that came meanwhile */
	struct err broken;	  /* the command stream cannot be completed any more */
	uint32_t tag_counter;
	size_t unasked_run; /* unasked responses in a row */
	bool notified;	    /* NOTIFY is in effect */
	bool keep_bodies;   /* of what nobody asked for */
	bool keep_codes;    /* cfg.keep gets copies of lines with a code, too */
	size_t traced;	    /* of the response being received: octets already shown to cfg.saw */
	struct body body;
	struct selection selection;
	unsigned callbacks; /* depth */
	/* how the session died, and the BYE that may be the reason */
	imap4_result result;
	struct buf result_text;
	struct imap4_data *bye;
};

/* engine.c */
void list_add(struct cmd_list *l, struct imap4_cmd *c);
bool list_remove(struct cmd_list *l, struct imap4_cmd *c); /* false: it was not in */
void engine_queue_remove(struct engine *g, struct imap4_cmd *c);
void engine_flight_remove(struct engine *g, struct imap4_cmd *c);
void engine_enter_callback(struct engine *g);
void engine_leave_callback(struct engine *g);

/* engine_output.c */
void out_release(struct out *o);
/* Put the next piece of a command (up to a wait, or its end with CRLF) in the output. */
int engine_write_on(struct engine *g, struct imap4_cmd *c, struct err *e) NODISCARD;

/* engine_stream.c: the literals of APPEND, read from the caller while they are sent. */
void engine_stream_begin(struct engine *g, struct imap4_cmd *c, uint64_t size);
/* Read what there is room for. */
void engine_stream_fill(struct engine *g);
/* Nobody will give the rest of this command's message. */
void engine_stream_abandon(struct engine *g, const struct imap4_cmd *c);
/* Room in the output, in place; then n octets of it are part of the message. NULL: E_NOMEM. */
unsigned char *out_room(struct out *o, size_t n, struct err *e);
void out_add_body(struct out *o, size_t n);
size_t out_size(const struct out *o);

/* engine_route.c: complete the command whose tagged answer was kept in g->early. */
int engine_complete_early(struct engine *g, struct err *e) NODISCARD;

/* engine_select.c */
/* c is complete: keep the numbers of its mailbox for imap4_cmd_selected(). */
void engine_select_remember(const struct engine *g, struct imap4_cmd *c);
/* The oldest in flight is complete: if the next opens a mailbox, what comes from here on is of that one. */
void engine_select_advance(struct engine *g);
void engine_selection_release(struct selection *s);
/* Counters and codes of the mailbox from an untagged (or its tagged) response. */
int engine_select_note(struct engine *g, const struct imap4_data *d, struct err *e) NODISCARD;
int engine_select_state(struct engine *g, const imap4_state_line *l, struct err *e) NODISCARD;

/* engine_route.c: the open body of c (or of anybody, c == NULL) will get no more octets. */
void engine_end_body(struct engine *g, const struct imap4_cmd *c);

#endif
