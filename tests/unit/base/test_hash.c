/* SPDX-License-Identifier: MIT */
/* test_hash.c -- SHA-256 against FIPS 180-2 vectors, one object for many messages. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/hash.h"

static const struct {
	const char *text, *hex;
} vector[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};
#define VECTORS (sizeof vector / sizeof *vector)

static bool digest(struct sha256 *h, const char *text, size_t step, char hex[SHA256_HEX + 1])
{
	struct err e = ERR_INIT;
	unsigned char out[SHA256_LEN];
	if (sha256_begin(h, &e) != 0)
		return false;
	size_t n = strlen(text);
	for (size_t at = 0; at < n; at += step)
		if (sha256_add(h, text + at, n - at < step ? n - at : step, &e) != 0)
			return false;
	if (sha256_add(h, NULL, 0, &e) != 0 || sha256_end(h, out, &e) != 0)
		return false;
	hex_format(out, SHA256_LEN, hex);
	return true;
}

Test(hash, known_digests_come_out_however_the_input_is_cut)
{
	struct err e = ERR_INIT;
	struct sha256 *h = sha256_new(&e);
	cr_assert_not_null(h);
	for (size_t i = 0; i < VECTORS; i++) {
		for (size_t step = 1; step < 60; step++) {
			char hex[SHA256_HEX + 1];
			cr_assert(digest(h, vector[i].text, step, hex), "row %zu", i);
			cr_assert_str_eq(hex, vector[i].hex, "row %zu, step %zu", i, step);
		}
	}
	sha256_free(h);
}

Test(hash, a_message_begun_anew_forgets_the_unfinished_one)
{
	struct err e = ERR_INIT;
	struct sha256 *h = sha256_new(&e);
	cr_assert_eq(sha256_begin(h, &e), 0);
	cr_assert_eq(sha256_add(h, "half a message", 14, &e), 0);
	char hex[SHA256_HEX + 1];
	cr_assert(digest(h, "abc", 3, hex));
	cr_assert_str_eq(hex, vector[1].hex);
	sha256_free(h);
}

Test(hash, adding_and_ending_need_a_beginning)
{
	struct err e = ERR_INIT;
	unsigned char out[SHA256_LEN];
	struct sha256 *h = sha256_new(&e);
	cr_assert_eq(sha256_add(h, "a", 1, &e), -1);
	cr_assert_eq(e.code, E_STATE);
	cr_assert_eq(sha256_end(h, out, &e), -1);
	cr_assert_eq(sha256_begin(h, &e), 0);
	cr_assert_eq(sha256_end(h, out, &e), 0);
	err_clear(&e);
	cr_assert_eq(sha256_end(h, out, &e), -1, "ended twice");
	cr_assert_eq(e.code, E_STATE);
	cr_assert_eq(sha256_add(h, "a", 1, &e), -1, "added after the end");
	sha256_free(h);
	sha256_free(NULL);
}

Test(hash, a_wiped_secret_is_gone)
{
	unsigned char secret[32];
	memset(secret, 0xAA, sizeof secret);
	secret_wipe(secret, sizeof secret - 1);
	for (size_t i = 0; i < sizeof secret; i++)
		cr_assert_eq(secret[i], i == sizeof secret - 1 ? 0xAA : 0, "byte %zu", i);
	secret_wipe(NULL, 0);
}
