/* SPDX-License-Identifier: MIT */
/*
 * io.h -- the bottom stream over a caller's transport (imap4_io.h).
 */
#ifndef CORE_IMAP_IO_H
#define CORE_IMAP_IO_H

#include "core/imap/imap4_io.h"
#include "core/net/stream.h"

/* The table is copied. Takes the transport over, also on failure: -1 is E_USAGE (a function is missing) or E_NOMEM, and
 * it is closed. */
int io_stream_new(struct stream **out, const imap4_io *io, struct err *e) NODISCARD;

#endif
