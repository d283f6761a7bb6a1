/* SPDX-License-Identifier: MIT */
/* mboxrd.c -- see mboxrd.h. */
#include "core/sync/mboxrd.h"

#include <string.h>

static const char from[] = "From ";
#define FROM_LEN (sizeof from - 1)

void mboxrd_begin(struct mboxrd *m, enum mboxrd_way way)
{
	m->way = way;
	m->quotes = true;
	m->held = false;
	m->matched = 0;
}

static int put(struct mboxrd *m, const void *p, size_t n, struct err *e)
{
	return n > 0 ? m->put(m->ctx, p, n, e) : 0;
}

int mboxrd_end(struct mboxrd *m, struct err *e)
{
	size_t matched = m->matched;
	bool held = m->held;
	m->held = false;
	m->matched = 0;
	return held && put(m, ">", 1, e) != 0 ? -1 : put(m, from, matched, e);
}

/* One byte at the beginning of a line. Nobody can see which of several '>' is the one that is added or taken away: the
 * first may be held back, and a new one may follow those that are there. */
static int at_line_start(struct mboxrd *m, unsigned char c, struct err *e)
{
	if (c == '>' && m->matched == 0) {
		if (m->held || m->way == MBOXRD_QUOTE)
			return put(m, ">", 1, e);
		m->held = true;
		return 0;
	}
	if (c != (unsigned char)from[m->matched]) {
		m->quotes = c == '\n';
		return mboxrd_end(m, e) != 0 ? -1 : put(m, &c, 1, e);
	}
	if (++m->matched < FROM_LEN)
		return 0;
	m->quotes = false;
	m->held = m->way == MBOXRD_QUOTE; /* then it is the new one, else the one that goes */
	return mboxrd_end(m, e);
}

int mboxrd_add(struct mboxrd *m, const void *p, size_t n, struct err *e)
{
	const unsigned char *at = p, *end = at + n;
	while (at < end) {
		if (m->quotes) {
			if (at_line_start(m, *at++, e) != 0)
				return -1;
			continue;
		}
		const unsigned char *lf = memchr(at, '\n', (size_t)(end - at));
		const unsigned char *stop = lf != NULL ? lf + 1 : end;
		if (put(m, at, (size_t)(stop - at), e) != 0)
			return -1;
		m->quotes = lf != NULL;
		at = stop;
	}
	return 0;
}
