/* SPDX-License-Identifier: MIT */
/* crlf.h -- line ends of the wire. */
#ifndef CORE_BASE_CRLF_H
#define CORE_BASE_CRLF_H

#include <stddef.h>

/* Add a CR before each LF. `out` has room for 2 * n bytes; returns how many it got. */
size_t crlf_expand(const unsigned char *p, size_t n, unsigned char *out);

#endif
