/* SPDX-License-Identifier: MIT */
/*
 * fuzz_mutf7.c -- any bytes as a mailbox name, from the server and from a person.
 *
 * What must hold: a name that decodes is spelt the same when it is encoded again (RFC 3501 section 5.1.3: there is one spelling), and
 * one that encodes comes back as it was; both stay within their limits.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf there = BUF_INIT(1u << 20), back = BUF_INIT(1u << 20), small = BUF_INIT(16);
	if (mutf7_decode(in, &there))
		must(mutf7_encode(buf_slice(&there), &back) && slice_eq(buf_slice(&back), in));
	buf_clear(&there);
	buf_clear(&back);
	if (mutf7_encode(in, &there))
		must(mutf7_decode(buf_slice(&there), &back) && slice_eq(buf_slice(&back), in));
	(void)mutf7_decode(in, &small);
	(void)mutf7_encode(in, &small);
	must(small.len <= 16);
	buf_release(&there);
	buf_release(&back);
	buf_release(&small);
	return 0;
}
