/* SPDX-License-Identifier: MIT */
/*
 * buf.c -- growable bytes with an upper bound, and borrowed slices.
 */
#include "core/base/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The smallest allocation: most buffers hold one line or one name. */
#define FIRST_CAP ((size_t)64)

struct slice slice_of(const void *p, size_t n)
{
	return (struct slice){p, n};
}

struct slice slice_str(const char *s)
{
	return s == NULL ? SLICE_NONE : slice_of(s, strlen(s));
}

bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_str(struct slice a, const char *s)
{
	return slice_eq(a, slice_str(s));
}

static unsigned char ascii_lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool slice_starts_istr(struct slice a, const char *prefix)
{
	for (size_t i = 0; prefix[i] != '\0'; i++)
		if (i >= a.n || ascii_lower(a.p[i]) != ascii_lower((unsigned char)prefix[i]))
			return false;
	return true;
}

bool slice_ieq_str(struct slice a, const char *s)
{
	return a.n == strlen(s) && slice_starts_istr(a, s);
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n == 0 ? 0 : memcmp(a.p, b.p, n);
	if (c != 0)
		return c;
	return (a.n > b.n) - (a.n < b.n);
}

bool slice_u64(struct slice a, uint64_t max, uint64_t *v)
{
	if (a.n == 0 || a.n > SLICE_U64_DIGITS)
		return false;
	uint64_t value = 0;
	for (size_t i = 0; i < a.n; i++) {
		if (a.p[i] < '0' || a.p[i] > '9')
			return false;
		uint64_t digit = (uint64_t)(a.p[i] - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*v = value;
	return true;
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	free(b->data);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->failed = E_NONE;
	buf_truncate(b, 0);
}

/* Make data hold len + n bytes and a NUL. */
static int grow(struct buf *b, size_t n)
{
	if (b->failed != E_NONE)
		return -1;
	if (n > b->max - b->len) {
		b->failed = E_LIMIT;
		return -1;
	}
	if (b->data != NULL && n < b->cap - b->len)
		return 0;
	size_t top = b->max < SIZE_MAX ? b->max + 1 : SIZE_MAX;
	if (n >= SIZE_MAX - b->len) {
		b->failed = E_NOMEM;
		return -1;
	}
	size_t need = b->len + n + 1;
	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > top)
		cap = top;
	unsigned char *data = realloc(b->data, cap);
	if (data == NULL) {
		b->failed = E_NOMEM;
		return -1;
	}
	data[b->len] = '\0';
	b->data = data;
	b->cap = cap;
	return 0;
}

unsigned char *buf_reserve(struct buf *b, size_t n)
{
	return grow(b, n) == 0 ? b->data + b->len : NULL;
}

void buf_added(struct buf *b, size_t n)
{
	if (b->failed != E_NONE || b->data == NULL)
		return;
	size_t room = b->cap - b->len - 1;
	b->len += n < room ? n : room;
	b->data[b->len] = '\0';
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	if (grow(b, n) != 0)
		return -1;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	buf_added(b, n);
	return 0;
}

int buf_add_str(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_add_slice(struct buf *b, struct slice s)
{
	return buf_add(b, s.p, s.n);
}

int buf_add_byte(struct buf *b, unsigned char c)
{
	return buf_add(b, &c, 1);
}

int buf_add_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	return buf_add(b, digits + at, sizeof digits - at);
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		if (b->failed == E_NONE)
			b->failed = errno == ENOMEM ? E_NOMEM : E_LIMIT;
		return -1;
	}
	unsigned char *to = buf_reserve(b, (size_t)n);
	if (to == NULL)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_added(b, (size_t)n);
	return 0;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (n == 0)
		return;
	memmove(b->data, b->data + n, b->len - n);
	buf_truncate(b, b->len - n);
}

void buf_truncate(struct buf *b, size_t len)
{
	if (b->data == NULL || len > b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

int buf_check(const struct buf *b, const char *what, struct err *e)
{
	if (b->failed == E_NONE)
		return 0;
	if (b->failed == E_LIMIT)
		return err_set(
			e, ERR_MESSAGE, E_LIMIT, "%s is longer than %zu bytes", what, b->max);
	return err_set(e, ERR_ACCOUNT, E_NOMEM, "out of memory while building %s", what);
}

const char *buf_str(const struct buf *b)
{
	return b->data == NULL ? "" : (const char *)b->data;
}

struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->data, b->len);
}

char *buf_take(struct buf *b)
{
	if (buf_reserve(b, 0) == NULL) {
		/* The reason stays readable for buf_check(). */
		enum err_code failed = b->failed;
		buf_release(b);
		b->failed = failed;
		return NULL;
	}
	char *data = (char *)b->data;
	buf_init(b, b->max);
	return data;
}
