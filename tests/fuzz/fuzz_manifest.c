/* SPDX-License-Identifier: MIT */
/*
 * fuzz_manifest.c -- verify of an exported file that anybody could have made: manifest, mbox, tar, gzip.
 *
 * The first byte chooses: 'm' the lines of a manifest, given in two pieces; 't' a tar file, with gzip or without; anything
 * else an mbox, whose manifest comes first and ends at the first NUL.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/sync/verify_export_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static void must(bool holds)
{
	if (!holds)
		abort();
}

static int get(void *ctx, void *p, size_t n, size_t *got, struct err *e)
{
	struct slice *s = ctx;
	(void)e;
	*got = s->n < n ? s->n : n;
	if (*got > 0)
		memcpy(p, s->p, *got);
	*s = slice_of(s->p + *got, s->n - *got);
	return 0;
}

static void on_finding(void *ctx, const struct export_finding *f)
{
	uint64_t *findings = ctx;
	must(f->fault < EXPORT_FAULT_COUNT && f->path.n > 0 && f->detail != NULL);
	++*findings;
}

static int on_line(void *ctx, const struct export_line *line, struct err *e)
{
	(void)ctx;
	(void)e;
	must(line->number > 2 && line->folder.n > 0 && line->place.n > 0);
	must(line->date.valid || line->date.secs == 0);
	return 0;
}

static void fuzz_lines(struct slice s, size_t cut)
{
	struct export_lines l;
	struct err e = ERR_INIT;
	cut = s.n > 0 ? cut % s.n : 0;
	export_lines_init(&l, on_line, NULL);
	if (export_lines_add(&l, s.p, cut, &e) != 0 ||
		export_lines_add(&l, s.p + cut, s.n - cut, &e) != 0 ||
		export_lines_end(&l, &e) != 0)
		must(e.code == E_CORRUPT || e.code == E_LIMIT);
	export_lines_release(&l);
}

static int fuzz_file(
	struct verify *x, struct slice manifest, struct slice s, bool tar, struct err *e)
{
	const struct export_source file = {&s, get}, lines = {&manifest, get};
	struct export_in *in = NULL, *m = NULL;
	int rc = export_in_open(&in, &file, e);
	if (rc == 0 && !tar)
		rc = export_in_open(&m, &lines, e);
	if (rc == 0)
		rc = tar ? verify_export_tar(x, in, e) : verify_export_mbox(x, in, m, e);
	export_in_close(in);
	export_in_close(m);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	struct slice s = slice_of(data + 1, size - 1);
	if (data[0] == 'm') {
		fuzz_lines(s, size / 2);
		return 0;
	}
	struct verify x;
	struct export_verify_report r;
	struct err e = ERR_INIT;
	uint64_t findings = 0;
	const struct export_verify v = {&findings, on_finding, NULL};
	const uint8_t *nul = s.n > 0 ? memchr(s.p, 0, s.n) : NULL;
	size_t n = nul != NULL ? (size_t)(nul - s.p) : s.n;
	struct slice rest = nul != NULL ? slice_of(nul + 1, s.n - n - 1) : SLICE_NONE;
	must(verify_export_init(&x, &v, &r, &e) == 0);
	int rc = data[0] == 't' ? fuzz_file(&x, SLICE_NONE, s, true, &e)
				: fuzz_file(&x, slice_of(s.p, n), rest, false, &e);
	must(rc == 0 || e.code == E_CORRUPT || e.code == E_LIMIT);
	must(r.damage == findings);
	verify_export_release(&x);
	return 0;
}
