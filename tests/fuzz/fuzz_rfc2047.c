/* SPDX-License-Identifier: MIT */
/*
 * fuzz_rfc2047.c -- any bytes as a header field.
 *
 * What must hold: decoding ends, stays within the limit, and leaves text without "=?" as it is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rfc2047.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf out = BUF_INIT(1u << 20), small = BUF_INIT(16);
	bool plain = true;
	for (size_t i = 0; i + 1 < size; i++)
		plain = plain && !(data[i] == '=' && data[i + 1] == '?');
	int rc = rfc2047_decode(&out, in);
	if (plain && size < out.max)
		must(rc == 0 && slice_eq(buf_slice(&out), in));
	must(rfc2047_decode(&small, in) == 0 || small.failed != E_NONE);
	must(small.len <= 16);
	buf_release(&out);
	buf_release(&small);
	return 0;
}
