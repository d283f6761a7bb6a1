/* SPDX-License-Identifier: MIT */
/*
 * stream.h -- a stack of byte streams: tcp or process or memory at the bottom, tls and deflate above.
 *
 * Streams move bytes and parse nothing. They never block: a call that cannot go on returns
 * STREAM_AGAIN, and the caller sleeps in poll(2) on what stream_wants() says.
 *
 * Two rules make a stack of layers safe to poll:
 *   pending  A layer may hold decoded bytes that the kernel cannot see (a TLS record, an inflate window).
 *            Before sleeping ask stream_pending(); if true, read first.
 *   vote     A layer may need to write in order to read (TLS) or the other way round. Each layer votes;
 *            the loop polls for the votes and never guesses.
 *
 * Ownership: a stream owns the stream below it. stream_close() on the top closes all. A failed
 * constructor of an upper layer leaves the lower stream with the caller.
 *
 * Not thread safe; one stream belongs to one thread. SIGPIPE is never raised.
 */
#ifndef CORE_NET_STREAM_H
#define CORE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"

enum stream_status {
	STREAM_OK,    /* at least one byte was moved, or the handshake is complete */
	STREAM_AGAIN, /* nothing now; poll for stream_wants() */
	STREAM_END,   /* read: the peer ended the stream in an orderly way (TLS: close_notify) */
	STREAM_ERROR, /* *e is set; only stream_close() may follow */
};

/*
 * A vote for poll(2). fd < 0: nothing to poll (memory stream). The two descriptors may be the same.
 * While a connection is being made there may be more descriptors, all polled for writing, and a time at
 * which the stream wants to be called even if none of them is ready. core/net/poller.h obeys all of it.
 */
struct stream_wants {
	int read_fd, write_fd;
	bool read, write;
	int64_t deadline;   /* DEADLINE_NEVER when there is none */
	const int *more_fd; /* polled for writing; borrowed until the next call on the stream */
	size_t nmore;
};

struct stream;

struct stream_ops {
	const char *name;
	enum stream_status (*connect)(struct stream *s, struct err *e);
	enum stream_status (*read)(struct stream *s, void *p, size_t n, size_t *got, struct err *e);
	enum stream_status (*write)(
		struct stream *s, const void *p, size_t n, size_t *put, struct err *e);
	void (*wants)(const struct stream *s, bool reading, bool writing, struct stream_wants *w);
	bool (*pending)(const struct stream *s);
	void (*close)(struct stream *s); /* frees s itself, not s->below */
};

struct stream {
	const struct stream_ops *ops;
	struct stream *below; /* NULL at the bottom */
	uint64_t in, out;     /* bytes this layer has given and taken; counted by stream.c */
};

/* Bring the stack up: TCP connection, then each handshake. STREAM_OK when bytes may flow. To be called
 * again after STREAM_AGAIN. Reading or writing before that is an error of the caller. */
enum stream_status stream_connect(struct stream *s, struct err *e);

/*
 * Move up to n (> 0) bytes; *got / *put say how many when STREAM_OK.
 * A write that was answered STREAM_AGAIN must be repeated with a buffer that starts with the same bytes
 * (it may have moved and may be longer): a layer may have encoded them already. A shorter one is E_STATE.
 */
enum stream_status stream_read(struct stream *s, void *p, size_t n, size_t *got, struct err *e);
enum stream_status stream_write(
	struct stream *s, const void *p, size_t n, size_t *put, struct err *e);

/* What to poll for, when the caller would like to read and/or write. */
void stream_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w);
bool stream_pending(const struct stream *s);
/* Closes from the top down and frees. Never waits for the network (but see sub-process). NULL is fine. */
void stream_close(struct stream *s);
/* The lowest layer of the stack: its counts are what crossed the wire. */
const struct stream *stream_bottom(const struct stream *s);
/* The topmost layer of this kind in the stack, or NULL: for the functions of one kind of stream below,
 * all of which accept the top of a stack. */
const struct stream *stream_layer(const struct stream *s, const struct stream_ops *ops);

/* ---- tcp ------------------------------------------------------------------------------------- */

#define TCP_CONNECT_MS	  30000 /* for all addresses of a name together */
#define TCP_ATTEMPT_MS	  250	/* RFC 8305 section 5, Connection Attempt Delay */
#define TCP_ADDRESSES_MAX 16	/* further addresses of a name are not tried */

/*
 * Connect to host:port. All addresses of the name are tried in the order of getaddrinfo, IPv6 and IPv4
 * interleaved (RFC 8305 section 4, one at a time: the next one starts when the last failed or after
 * TCP_ATTEMPT_MS without an answer, and the first to connect wins). Name resolution itself blocks: the
 * system has no portable other way. The error text lists what each address said (at most four).
 * TCP_NODELAY and keep-alive are on; descriptors are close-on-exec.
 * -1: E_NET (name not found, no address).
 */
int stream_tcp_new(struct stream **out, const char *host, uint16_t port, const struct clock *clock,
	struct err *e) NODISCARD;
/* True for 127.0.0.0/8, ::1 and their mapped forms: the peer is this machine. Valid once connected. */
bool stream_tcp_is_loopback(const struct stream *s);
/* Numeric "address:port" of the peer once connected; "" before. Borrowed. */
const char *stream_tcp_peer(const struct stream *s);
/* Wake a reader only when this many bytes are there (SO_RCVLOWAT), 0 or 1 = at once; the end of the
 * stream wakes it in any case. Bytes are counted as TCP sees them, and a reader that waits for more than
 * the server will send waits for ever: set it only below what is certainly on its way. A hint; false
 * when the system has no such thing. */
bool stream_tcp_lowat(struct stream *s, size_t bytes);

/* ---- tls ------------------------------------------------------------------------------------- */

struct tls_options {
	const char *host;	 /* for SNI and the name check; DNS name or IP address; required */
	const char *ca_file;	 /* PEM bundle instead of the system's trust store, or NULL */
	const char *const *pins; /* SPKI SHA-256 pins, base64 or hex; checked besides the chain */
	size_t npins;
	bool pin_only; /* a matching pin replaces the checks of chain, name and dates (self-signed
				   * servers); needs at least one pin. A key that is too short is refused all the same. */
	const char *client_cert; /* PEM file with the chain, or NULL */
	const char *client_key;	 /* PEM file, or NULL to read it from client_cert */
	void *ssl_ctx; /* an SSL_CTX * of the caller (kept by reference): it alone then decides versions,
				   * ciphers, trust and verify mode, and the fields above but host are ignored */
};

/*
 * Put TLS (client side) on top of `below`: TLS 1.2 or later, security level 2 or more, no compression,
 * no renegotiation, no session reuse; SNI; chain and host name checked (no partial wildcards) before
 * stream_connect() returns STREAM_OK. An end of the stream without close_notify is an error
 * (E_CLOSED), because it may be an attacker cutting the stream short.
 * -1 (and `below` still the caller's): E_CONFIG for unreadable CA, certificate, key or pins, naming the file.
 * Handshake errors: E_CERT (says what is wrong: expired, name mismatch, unknown issuer, pin ...) or E_TLS.
 */
int stream_tls_new(struct stream **out, struct stream *below, const struct tls_options *o,
	struct err *e) NODISCARD;
/* "TLSv1.3, TLS_AES_256_GCM_SHA384" once connected; borrowed. */
const char *stream_tls_describe(const struct stream *s);
/* The server certificate's SPKI SHA-256 in base64 (what a pin looks like); false when not connected. */
bool stream_tls_peer_pin(const struct stream *s, char out[45]);
/* Subject, issuer and expiry (seconds since 1970) of the server certificate, for `check`. */
int stream_tls_peer_info(const struct stream *s, struct buf *subject, struct buf *issuer,
	int64_t *not_after, struct err *e) NODISCARD;
/* Channel binding data (RFC 9266 tls-exporter on 1.3, RFC 5929 tls-unique never offered); returns its
 * length, 0 when there is none. type is set to "tls-exporter". */
size_t stream_tls_binding(const struct stream *s, const char **type, unsigned char out[32]);

/* ---- deflate --------------------------------------------------------------------------------- */

#define STREAM_DEFLATE_LEVEL_MIN   0 /* stored: no compression, the same format */
#define STREAM_DEFLATE_LEVEL_MAX   9
#define STREAM_DEFLATE_PRELOAD_MAX ((size_t)1 << 20)

/*
 * Put raw deflate in both directions on top of `below` (RFC 4978 section 4), which must be connected.
 * Writing: each stream_write() takes at most 64 KiB, compresses them and flushes (Z_SYNC_FLUSH), so
 *   that the server can decode all of them at once; it is STREAM_OK only when `below` has taken all
 *   that came of it. At most that much is held meanwhile.
 * Reading: bytes are expanded into the caller's buffer, as far as there is room; a few bytes may stand
 *   for very many, and a limit on the total is the caller's to keep. Damaged data are E_PROTO, after
 *   what came before them. A final block is STREAM_END, and bytes after it E_PROTO. The end of `below`
 *   is STREAM_END between two blocks (where a flush leaves it) and E_CLOSED within one.
 * Closing does not send a final block.
 * -1 (and `below` still the caller's): E_INVALID for a level outside the bounds above, E_NOMEM.
 */
int stream_deflate_new(
	struct stream **out, struct stream *below, int level, struct err *e) NODISCARD;
/* Bytes that were read from `below` before the switch, after the CRLF of the tagged OK: they come
 * first. Before the first read, of s itself, and PRELOAD_MAX bytes in all; else E_STATE or E_LIMIT. */
int stream_deflate_preload(struct stream *s, const void *p, size_t n, struct err *e) NODISCARD;
/*
 * Both sides end compression here, and go on without it (RFC 8437 section 4.1). The last line that was compressed has been
 * read to its end and not beyond: ask for one byte at a time while it is awaited, for only then no block behind it is touched. What its sender's flush or final
 * block adds to it is skipped; the first byte behind that must not be a control character. E_STATE: s is no deflate
 * layer, or a write is not complete.
 */
int stream_deflate_finish(struct stream *s, struct err *e) NODISCARD;
/* A finished layer that holds nothing any more is freed: returns what is below it. Else s. */
struct stream *stream_deflate_shed(struct stream *s);

/* ---- sub-process ----------------------------------------------------------------------------- */

#define PROCESS_END_MS 2000

/*
 * Run argv[0] (looked up in PATH, no shell) with its standard input and output connected to the
 * stream; standard error is inherited. All other descriptors are close-on-exec. Closing the stream
 * closes the connection, waits up to PROCESS_END_MS for the child, then sends SIGTERM, waits half as
 * long, then SIGKILL, and reaps it.
 * If the child dies, reading gives STREAM_END after its last byte, and stream_process_status() its status.
 */
int stream_process_new(struct stream **out, const char *const *argv, struct err *e) NODISCARD;
/* -1 while the child runs (or s is no sub-process); then its exit status, or 128 + signal number. */
int stream_process_status(struct stream *s);

/* ---- memory (tests, fuzzing, replay) --------------------------------------------------------- */

#define STREAM_MEMORY_MAX ((size_t)256 << 20) /* bytes of input, and of output, that are held */

/* A stream whose input is given by stream_memory_input() and whose output is kept. */
int stream_memory_new(struct stream **out, struct err *e) NODISCARD;
int stream_memory_input(struct stream *s, const void *p, size_t n, struct err *e) NODISCARD;
void stream_memory_end(struct stream *s); /* no more input: STREAM_END after the rest */
void stream_memory_chunk(
	struct stream *s, size_t n); /* give and take at most n bytes a call; 0 = no limit */
void stream_memory_fail_after(
	struct stream *s, uint64_t n); /* STREAM_ERROR (E_NET) after n input bytes */
struct slice stream_memory_output(const struct stream *s); /* all bytes written so far; borrowed */
void stream_memory_drain(struct stream *s);		   /* forget the output kept so far */

#endif
