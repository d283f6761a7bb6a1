/* SPDX-License-Identifier: MIT */
/* exit.c -- error codes to exit status, and which of two is worse. */
#include "cmd/exit.h"

#include <stddef.h>

int exit_status(const struct err *e)
{
	switch (e->code) {
	case E_NONE: return EXIT_OK;
	case E_USAGE: return EXIT_USAGE;
	case E_CONFIG: return EXIT_CONFIG;
	case E_FULL: return EXIT_FULL;
	case E_IO:
	case E_NOMEM:
	case E_STATE: return EXIT_IO;
	case E_CORRUPT: return EXIT_DAMAGE;
	case E_NET:
	case E_TIMEOUT:
	case E_CLOSED:
	case E_BYE:
	case E_THROTTLE:
	case E_LOCKED: return EXIT_TEMPFAIL;
	case E_PROTO:
	case E_BAD:
	case E_LIMIT: return EXIT_PROTOCOL;
	case E_TLS:
	case E_CERT:
	case E_AUTH: return EXIT_REFUSED;
	case E_EXISTS:
	case E_MISSING:
	case E_INVALID:
		return e->scope == ERR_STORE	? EXIT_IO
			: e->scope == ERR_USAGE ? EXIT_CONFIG
						: EXIT_PARTIAL;
	case E_NO:
	case E_CANCELLED:
	case E_CODE_COUNT: return EXIT_PARTIAL;
	}
	return EXIT_PARTIAL;
}

int exit_worse(int a, int b)
{
	static const int order[] = {EXIT_USAGE, EXIT_IO, EXIT_FULL, EXIT_DAMAGE, EXIT_CONFIG,
		EXIT_REFUSED, EXIT_PROTOCOL, EXIT_TEMPFAIL, EXIT_PARTIAL};
	if (a > 128 || b > 128)
		return a > 128 ? a : b;
	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a != 0 ? a : b;
}
