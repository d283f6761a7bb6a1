/* SPDX-License-Identifier: MIT */
/*
 * mail_date.c -- INTERNALDATE in both directions, by arithmetic alone: strptime() and mktime()
 * look at the locale and at TZ, and a backup must not depend on where it runs.
 */
#include "core/base/mail.h"

#include <string.h>

#define DAY_SECS     86400
#define ZONE_MAX     1439   /* minutes */
#define ERA_DAYS     146097 /* days in 400 years */
#define EPOCH_OFFSET 719468 /* days from 0000-03-01 to 1970-01-01 */

static const char month_names[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static int64_t div_floor(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

/* Years are counted from March, so that the leap day is the last day of a year and the lengths of
 * the months before it follow one formula: (153 * m + 2) / 5 days precede month m. */
int64_t mail_days_from_civil(int64_t year, int month, int day)
{
	if (month <= 2)
		year--;
	int64_t era = div_floor(year, 400);
	int64_t year_of_era = year - era * 400;
	int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * ERA_DAYS + day_of_era - EPOCH_OFFSET;
}

void mail_civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
	days += EPOCH_OFFSET;
	int64_t era = div_floor(days, ERA_DAYS);
	int64_t d = days - era * ERA_DAYS;
	int64_t year_of_era = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	int64_t day_of_year = d - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t m = (5 * day_of_year + 2) / 153; /* 0 is March */
	*day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = year_of_era + era * 400 + (*month <= 2);
}

static int month_days(int64_t year, int month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

/* Take n digits off the front. */
static bool take_digits(struct slice *s, size_t n, int *v)
{
	uint64_t value;
	if (s->n < n || !slice_u64(slice_of(s->p, n), 9999, &value))
		return false;
	*v = (int)value;
	*s = slice_of(s->p + n, s->n - n);
	return true;
}

static bool take_byte(struct slice *s, char c)
{
	if (s->n == 0 || s->p[0] != (unsigned char)c)
		return false;
	*s = slice_of(s->p + 1, s->n - 1);
	return true;
}

/* date-day-fixed = (SP DIGIT) / 2DIGIT; the space is left out by some servers. */
static bool date_day_fixed(struct slice *s, int *day)
{
	if (take_byte(s, ' '))
		return take_digits(s, 1, day);
	return take_digits(s, 2, day) || take_digits(s, 1, day);
}

static bool date_month(struct slice *s, int *month)
{
	for (int i = 0; i < 12; i++) {
		if (!slice_starts_istr(*s, month_names[i]))
			continue;
		*s = slice_of(s->p + 3, s->n - 3);
		*month = i + 1;
		return true;
	}
	return false;
}

/* time = 2DIGIT ":" 2DIGIT ":" 2DIGIT, as seconds of the day */
static bool date_time_of_day(struct slice *s, int *secs)
{
	int hour, minute, second;
	if (!take_digits(s, 2, &hour) || !take_byte(s, ':') || !take_digits(s, 2, &minute) ||
		!take_byte(s, ':') || !take_digits(s, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	if (second == 60)
		second = 59;
	*secs = hour * 3600 + minute * 60 + second;
	return true;
}

/* zone = ("+" / "-") 4DIGIT, as minutes */
static bool date_zone(struct slice *s, int *zone)
{
	bool west = take_byte(s, '-');
	int hours, minutes;
	if ((!west && !take_byte(s, '+')) || !take_digits(s, 2, &hours) ||
		!take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*zone = hours * 60 + minutes;
	if (west)
		*zone = -*zone;
	return true;
}

bool mail_date_parse(struct slice s, struct mail_date *d)
{
	*d = (struct mail_date){0, 0, false};
	int day, month, year, secs, zone = 0;
	if (!date_day_fixed(&s, &day) || !take_byte(&s, '-') || !date_month(&s, &month) ||
		!take_byte(&s, '-') || !take_digits(&s, 4, &year) || !take_byte(&s, ' ') ||
		!date_time_of_day(&s, &secs))
		return false;
	if (s.n > 0 && (!take_byte(&s, ' ') || !date_zone(&s, &zone) || s.n > 0))
		return false;
	if (day < 1 || day > month_days(year, month))
		return false;
	d->secs = mail_days_from_civil(year, month, day) * DAY_SECS + secs - (int64_t)zone * 60;
	d->zone = zone;
	d->valid = true;
	return true;
}

static char *put_digits(char *to, int n, int64_t v)
{
	for (int i = n - 1; i >= 0; i--) {
		to[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return to + n;
}

bool mail_date_format(const struct mail_date *d, char out[MAIL_DATE_LEN + 1])
{
	/* The coarse test comes first, so that the sum cannot overflow. */
	if (!d->valid || d->zone < -ZONE_MAX || d->zone > ZONE_MAX ||
		d->secs < INT64_MIN + DAY_SECS || d->secs > INT64_MAX - DAY_SECS)
		return false;
	int64_t local = d->secs + (int64_t)d->zone * 60;
	int64_t days = div_floor(local, DAY_SECS), secs = local - days * DAY_SECS, year;
	int month, day, zone = d->zone < 0 ? -d->zone : d->zone;
	mail_civil_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999)
		return false;
	char *p = put_digits(out, 2, day);
	if (out[0] == '0')
		out[0] = ' ';
	*p++ = '-';
	memcpy(p, month_names[month - 1], 3);
	p += 3;
	*p++ = '-';
	p = put_digits(p, 4, year);
	*p++ = ' ';
	p = put_digits(p, 2, secs / 3600);
	*p++ = ':';
	p = put_digits(p, 2, secs / 60 % 60);
	*p++ = ':';
	p = put_digits(p, 2, secs % 60);
	*p++ = ' ';
	*p++ = d->zone < 0 ? '-' : '+';
	p = put_digits(p, 2, zone / 60);
	p = put_digits(p, 2, zone % 60);
	*p = '\0';
	return true;
}
