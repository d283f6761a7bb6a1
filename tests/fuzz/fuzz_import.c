/* SPDX-License-Identifier: MIT */
/*
 * fuzz_import.c -- mail that anybody could have made, as the origin of a restore.
 *
 * The first byte chooses: 'q' mbox quoting there and back; 't' a tar file, the index and each of its files; anything else an
 * mbox, in one piece and in two, and each of its messages with every kind of line ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/sync/import_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX  65536
#define PLACES_MAX 4096

struct places {
	size_t n;
	uint64_t offset[PLACES_MAX], length[PLACES_MAX], end;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- quoting --------------------------------------------------------------------------------- */

static int collect(void *ctx, const void *p, size_t n, struct err *e)
{
	(void)e;
	return buf_add(ctx, p, n);
}

static void transform(enum mboxrd_way way, struct slice s, size_t cut, struct buf *out)
{
	struct mboxrd m = {.put = collect, .ctx = out};
	struct err e = ERR_INIT;
	mboxrd_begin(&m, way);
	must(mboxrd_add(&m, s.p, cut, &e) == 0);
	must(mboxrd_add(&m, s.p + cut, s.n - cut, &e) == 0);
	must(mboxrd_end(&m, &e) == 0);
}

static void fuzz_quoting(struct slice s)
{
	struct buf quoted = BUF_INIT(2 * INPUT_MAX), back = BUF_INIT(2 * INPUT_MAX);
	transform(MBOXRD_QUOTE, s, s.n / 2, &quoted);
	transform(MBOXRD_UNQUOTE, buf_slice(&quoted), quoted.len / 3, &back);
	must(slice_eq(buf_slice(&back), s));
	buf_release(&quoted);
	buf_release(&back);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int file_of(struct slice s)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(fd >= 0 && (s.n == 0 || write(fd, s.p, s.n) == (ssize_t)s.n));
	return fd;
}

static void read_span(int fd, uint64_t offset, uint64_t length, bool quoted, bool whole)
{
	for (int ends = IMPORT_AS_IS; ends <= IMPORT_CR_BARE; ends++) {
		unsigned char part[999];
		struct err e = ERR_INIT;
		struct origin_reader *x = NULL;
		const struct import_span span = {.fd = fd,
			.offset = offset,
			.length = length,
			.quoted = quoted,
			.ends = (enum import_ends)ends};
		uint64_t size = 0;
		long got;
		must(import_reader_open(&span, &x, &e) == 0);
		while ((got = x->read(x, part, sizeof part, &e)) > 0)
			size += (uint64_t)got;
		must(got == 0 || (!whole && e.code == E_CORRUPT));
		must(size <= 2 * length);
		must(got != 0 || quoted || ends != IMPORT_AS_IS || size == length);
		origin_reader_close(x);
	}
}

static void fuzz_tar(struct slice s)
{
	struct import m;
	struct err e = ERR_INIT;
	memset(&m, 0, sizeof m);
	int fd = file_of(s);
	if (import_tar_index(&m.tar, fd, &m, &e) == 0) {
		for (size_t i = 0; i < m.tar.n; i++) {
			must(m.tar.at[i].offset + m.tar.at[i].size <= s.n);
			read_span(fd, m.tar.at[i].offset, m.tar.at[i].size, false, true);
		}
		must(!m.tar.has_manifest || m.tar.manifest + m.tar.manifest_size <= s.n);
	} else {
		must(e.code == E_CORRUPT || e.code == E_LIMIT);
	}
	import_tar_release(&m.tar);
	close(fd);
}

/* ---- mbox ------------------------------------------------------------------------------------ */

static int on_place(
	void *ctx, uint64_t offset, uint64_t length, const struct mail_date *date, struct err *e)
{
	struct places *p = ctx;
	(void)e;
	must(offset >= p->end && (date->valid || date->secs == 0));
	p->end = offset + length;
	if (p->n < PLACES_MAX) {
		p->offset[p->n] = offset;
		p->length[p->n] = length;
	}
	p->n++;
	return 0;
}

static void scan(struct slice s, size_t cut, struct places *p)
{
	struct import_mbox_scan m = {.each = on_place, .ctx = p};
	struct err e = ERR_INIT;
	p->n = 0;
	p->end = 0;
	import_mbox_begin(&m);
	must(import_mbox_add(&m, s.p, cut, &e) == 0);
	must(import_mbox_add(&m, s.p + cut, s.n - cut, &e) == 0);
	must(import_mbox_end(&m, &e) == 0);
	must(p->end <= s.n);
}

static void fuzz_mbox(struct slice s)
{
	static struct places one, two;
	scan(s, 0, &one);
	scan(s, s.n / 2, &two);
	must(one.n == two.n && one.end == two.end);
	int fd = file_of(s);
	for (size_t i = 0; i < one.n && i < PLACES_MAX; i++) {
		must(one.offset[i] == two.offset[i] && one.length[i] == two.length[i]);
		if (i < 16)
			read_span(fd, one.offset[i], one.length[i], true, true);
	}
	read_span(fd, s.n / 2, s.n, true, s.n == 0);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	struct slice s = slice_of(data + 1, size - 1);
	if (data[0] == 'q')
		fuzz_quoting(s);
	else if (data[0] == 't')
		fuzz_tar(s);
	else
		fuzz_mbox(s);
	return 0;
}
