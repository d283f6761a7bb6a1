/* SPDX-License-Identifier: MIT */
/* test_exit.c -- every error code has the exit status of the manual, and the worse of two wins. */
#include <criterion/criterion.h>

#include "cmd/exit.h"

Test(exit, every_code_has_its_status)
{
	static const int want[E_CODE_COUNT] = {
		[E_NONE] = 0,
		[E_NOMEM] = 74,
		[E_LIMIT] = 76,
		[E_INVALID] = 1,
		[E_STATE] = 74,
		[E_CANCELLED] = 1,
		[E_NET] = 75,
		[E_TIMEOUT] = 75,
		[E_CLOSED] = 75,
		[E_TLS] = 77,
		[E_CERT] = 77,
		[E_PROTO] = 76,
		[E_NO] = 1,
		[E_BAD] = 76,
		[E_BYE] = 75,
		[E_AUTH] = 77,
		[E_THROTTLE] = 75,
		[E_IO] = 74,
		[E_FULL] = 73,
		[E_LOCKED] = 75,
		[E_CORRUPT] = 65,
		[E_EXISTS] = 1,
		[E_MISSING] = 1,
		[E_USAGE] = 64,
		[E_CONFIG] = 78,
	};
	for (int code = 0; code < E_CODE_COUNT; code++) {
		struct err e = ERR_INIT;
		e.scope = ERR_MAILBOX;
		e.code = (enum err_code)code;
		cr_assert_eq(exit_status(&e), want[code], "%s: %d", err_code_name(e.code),
			exit_status(&e));
	}
}

Test(exit, a_missing_thing_depends_on_where_it_is_missing)
{
	static const struct {
		enum err_scope scope;
		int status;
	} row[] = {{ERR_MESSAGE, 1}, {ERR_MAILBOX, 1}, {ERR_CONNECTION, 1}, {ERR_ACCOUNT, 1},
		{ERR_STORE, 74}, {ERR_USAGE, 78}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err e = ERR_INIT;
		e.scope = row[i].scope;
		e.code = E_MISSING;
		cr_assert_eq(exit_status(&e), row[i].status, "%s", err_scope_name(e.scope));
	}
}

Test(exit, the_more_serious_status_wins)
{
	static const int order[] = {143, 64, 74, 73, 65, 78, 77, 76, 75, 1, 0};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		for (size_t j = i; j < sizeof order / sizeof *order; j++) {
			cr_assert_eq(exit_worse(order[i], order[j]), order[i], "%d, %d", order[i],
				order[j]);
			cr_assert_eq(exit_worse(order[j], order[i]), order[i], "%d, %d", order[j],
				order[i]);
		}
}

Test(exit, a_status_nobody_planned_is_still_a_failure)
{
	cr_assert_neq(exit_worse(0, 3), 0);
	cr_assert_neq(exit_worse(3, 0), 0);
}
