/* SPDX-License-Identifier: MIT */
/*
 * test_ports.c -- the port of a session that names none (RFC 8314 section 3.2, RFC 9051 section 2.1).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/imap/imap4_call.h"

/* To this address no TCP connection is possible, so that the refusal names the port and nothing leaves. */
#define NOWHERE "255.255.255.255"

Test(ports, follow_from_the_security_unless_they_are_named, .timeout = 20)
{
	static const struct {
		imap4_security security;
		uint16_t port;
		const char *end;
	} rows[] = {
		{IMAP4_TLS, 0, NOWHERE ":993"},
		{IMAP4_STARTTLS, 0, NOWHERE ":143"},
		{IMAP4_CLEAR, 0, NOWHERE ":143"},
		{IMAP4_TLS, 65535, NOWHERE ":65535"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		imap4_session *s;
		imap4_options o;
		char *why = NULL;
		imap4_options_init(&o, sizeof(o));
		o.host = NOWHERE;
		o.security = rows[i].security;
		o.port = rows[i].port;
		cr_expect_eq(imap4_open(&s, &o, &why), IMAP4_E_IO);
		cr_assert_not_null(why);
		cr_expect_not_null(strstr(why, rows[i].end), "%zu: %s", i, why);
		free(why);
	}
}
