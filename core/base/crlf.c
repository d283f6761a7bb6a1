/* SPDX-License-Identifier: MIT */
/* crlf.c -- see crlf.h. */
#include "core/base/crlf.h"

#include <string.h>

size_t crlf_expand(const unsigned char *p, size_t n, unsigned char *out)
{
	unsigned char *to = out;
	while (n > 0) {
		const unsigned char *lf = memchr(p, '\n', n);
		size_t len = lf != NULL ? (size_t)(lf - p) : n;
		memcpy(to, p, len);
		to += len;
		if (lf != NULL) {
			*to++ = '\r';
			*to++ = '\n';
			len++;
		}
		p += len;
		n -= len;
	}
	return (size_t)(to - out);
}
