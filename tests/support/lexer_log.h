/* SPDX-License-Identifier: MIT */
/*
 * lexer_log.h -- run bytes through a lexer and write down what it says, so that tests compare texts.
 *
 *   R[text]            a response; gaps follow as <at:size>
 *   B size [text]      a body is offered
 *   D[octets]          all octets of a body, however they came
 *   E                  the body is over
 *   !limit, !proto     the error it ended with; ?1 at the end: in the middle of a response
 */
#ifndef TESTS_SUPPORT_LEXER_LOG_H
#define TESTS_SUPPORT_LEXER_LOG_H

#include "core/imap/lexer.h"

extern const struct imap_limits lexer_log_limits; /* the defaults of the program */

/* The input in pieces that end before the offsets in cut (ascending), each in memory of its own size so that
 * nothing can be read beyond it. A failing COLLECT is answered with SKIP. */
void lexer_log(struct buf *out, const struct imap_limits *limits, enum lexer_body how,
	struct slice input, const size_t *cut, size_t ncuts);
/* The same octet by octet. */
void lexer_log_octets(
	struct buf *out, const struct imap_limits *limits, enum lexer_body how, struct slice input);

#endif
