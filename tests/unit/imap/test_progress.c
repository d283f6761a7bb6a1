/* SPDX-License-Identifier: MIT */
/* test_progress.c -- INPROGRESS (RFC 9585) on its way from a session to the caller; what it may say: test_messagelimit.c. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/session_rig.h"

Test(progress, a_session_tells_progress)
{
	struct srig r = {0};
	cr_assert_eq(srig_open_clear(&r), IMAP4_OK);
	srig_greet(&r, "IMAP4rev1");
	imap4_cmd *c = imap4_noop_start(r.s);
	srig_pump(&r);
	cr_assert_str_eq(srig_line(&r), "NOOP");
	char line[120];
	(void)snprintf(line, sizeof line, "* OK [INPROGRESS (\"%s\" 3 NIL)] x", r.tag);
	srig_say(&r, line);
	srig_pump(&r);
	cr_expect_eq(r.progress, 1u);
	cr_expect_eq(r.progress_of, c);
	cr_expect_eq(r.progress_done, (uint64_t)3);
	cr_expect_eq(r.data, 1u, "it goes to data as well");
	srig_close(&r);
}
