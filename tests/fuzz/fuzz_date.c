/* SPDX-License-Identifier: MIT */
/*
 * fuzz_date.c -- any bytes as an INTERNALDATE (RFC 9051 section 9, date-time).
 *
 * What must hold: a date that is read can be written, unless its year has no four digits, and then reads as the same moment
 * in the same zone.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mail_date d, again;
	char text[MAIL_DATE_LEN + 1];
	if (!mail_date_parse(slice_of(data, size), &d))
		return 0;
	must(d.valid);
	if (!mail_date_format(&d, text))
		return 0;
	must(strlen(text) == MAIL_DATE_LEN && mail_date_parse(slice_str(text), &again));
	must(again.secs == d.secs && again.zone == d.zone);
	return 0;
}
