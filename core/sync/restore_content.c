/* SPDX-License-Identifier: MIT */
/* restore_content.c -- see restore_content.h. */
#include "core/sync/restore_content.h"

int content_hash_init(struct content_hash *h, struct err *e)
{
	h->exact = sha256_new(e);
	h->loose = h->exact != NULL ? sha256_new(e) : NULL;
	return h->loose != NULL ? 0 : -1;
}

void content_hash_release(struct content_hash *h)
{
	sha256_free(h->exact);
	sha256_free(h->loose);
	h->exact = h->loose = NULL;
}

int content_hash_begin(struct content_hash *h, struct err *e)
{
	return sha256_begin(h->exact, e) != 0 || sha256_begin(h->loose, e) != 0 ? -1 : 0;
}

/* Line ends as LF; what servers make of a NUL as '?'. */
int content_hash_add(struct content_hash *h, const void *p, size_t n, struct err *e)
{
	const unsigned char *at = p;
	unsigned char plain[4096];
	if (sha256_add(h->exact, p, n, e) != 0)
		return -1;
	for (size_t i = 0, k = 0; i < n; i++) {
		if (at[i] != '\r')
			plain[k++] = at[i] == '\0' || at[i] == 0x80 ? '?' : at[i];
		if (k == sizeof plain || i + 1 == n) {
			if (sha256_add(h->loose, plain, k, e) != 0)
				return -1;
			k = 0;
		}
	}
	return 0;
}

int content_hash_end(struct content_hash *h, struct content *out, struct err *e)
{
	return sha256_end(h->exact, out->exact, e) != 0 || sha256_end(h->loose, out->loose, e) != 0
		? -1
		: 0;
}

static int add(void *ctx, const void *p, size_t n)
{
	struct content_hash *h = ctx;
	return content_hash_add(h, p, n, h->e);
}

int content_of(struct content_hash *h, struct restore_origin *o, int64_t generation, uint32_t uid,
	struct content *out, struct err *e)
{
	h->e = e;
	if (content_hash_begin(h, e) != 0 || origin_read(o, generation, uid, add, h, e) != 0)
		return -1;
	return content_hash_end(h, out, e);
}
