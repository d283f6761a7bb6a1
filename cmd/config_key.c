/* SPDX-License-Identifier: MIT */
/* config_key.c -- what each configuration key takes and where it goes. */
#include "cmd/config_key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/hash.h"

enum key_type {
	KEY_STRING,
	KEY_WORDS,    /* a command: words without a shell */
	KEY_LIST,     /* words, repeatable */
	KEY_BOOL,     /* yes | no */
	KEY_BOOL_NOT, /* the field holds the opposite */
	KEY_UINT,
	KEY_SIZE, /* bytes with k, M, G */
	KEY_CHOICE,
};

struct choice {
	const char *word;
	int value;
};

struct key {
	const char *name;
	enum key_type type;
	size_t offset;
	uint64_t min, max;
	const struct choice *choices;
};

static const struct choice tls_choices[] = {
	{"implicit", IMAP4_TLS}, {"starttls", IMAP4_STARTTLS}, {"none", IMAP4_CLEAR}, {NULL, 0}};
static const struct choice layout_choices[] = {
	{"nested", STORE_NESTED}, {"maildir++", STORE_MAILDIRPP}, {NULL, 0}};
static const struct choice newline_choices[] = {{"lf", STORE_LF}, {"crlf", STORE_CRLF}, {NULL, 0}};

static const struct choice compress_choices[] = {{"auto", SYNC_COMPRESS_AUTO},
	{"yes", SYNC_COMPRESS_YES}, {"no", SYNC_COMPRESS_NO}, {NULL, 0}};

#define AT(field) offsetof(struct config_account, field)

/* The order is that of imapsync.conf(5). */
static const struct key keys[] = {
	{"host", KEY_STRING, AT(host), 0, 0, NULL},
	{"port", KEY_UINT, AT(port), 1, 65535, NULL},
	{"tls", KEY_CHOICE, AT(security), 0, 0, tls_choices},
	{"tls-ca-file", KEY_STRING, AT(ca_file), 0, 0, NULL},
	{"tls-pin-sha256", KEY_LIST, AT(pins), 0, 0, NULL},
	{"tls-pin-only", KEY_BOOL, AT(pin_only), 0, 0, NULL},
	{"tls-client-cert", KEY_STRING, AT(client_cert), 0, 0, NULL},
	{"tls-client-key", KEY_STRING, AT(client_key), 0, 0, NULL},
	{"allow-cleartext", KEY_BOOL, AT(allow_cleartext), 0, 0, NULL},
	{"tunnel", KEY_WORDS, AT(tunnel), 0, 0, NULL},
	{"user", KEY_STRING, AT(user), 0, 0, NULL},
	{"authzid", KEY_STRING, AT(authzid), 0, 0, NULL},
	{"auth", KEY_STRING, AT(auth), 0, 0, NULL},
	{"password-command", KEY_WORDS, AT(password_command), 0, 0, NULL},
	{"password-file", KEY_STRING, AT(password_file), 0, 0, NULL},
	{"password", KEY_STRING, AT(password), 0, 0, NULL},
	{"path", KEY_STRING, AT(path), 0, 0, NULL},
	{"layout", KEY_CHOICE, AT(layout), 0, 0, layout_choices},
	{"newline", KEY_CHOICE, AT(newline), 0, 0, newline_choices},
	{"folders", KEY_LIST, AT(folders), 0, 0, NULL},
	{"exclude", KEY_LIST, AT(exclude), 0, 0, NULL},
	{"subscribed-only", KEY_BOOL, AT(subscribed_only), 0, 0, NULL},
	{"max-message-size", KEY_SIZE, AT(max_message_size), 1, UINT32_MAX, NULL},
	{"byte-budget", KEY_SIZE, AT(byte_budget), 0, UINT64_MAX, NULL},
	{"audit-every", KEY_UINT, AT(audit_every), 1, 1000000, NULL},
	{"connections", KEY_UINT, AT(connections), 0, 16, NULL},
	{"window", KEY_UINT, AT(window), 0, 256, NULL},
	{"compress", KEY_CHOICE, AT(compress), 0, 0, compress_choices},
	{"timeout", KEY_UINT, AT(timeout_s), 1, 3600, NULL},
	{"id", KEY_BOOL_NOT, AT(no_id), 0, 0, NULL},
	{"disable-extensions", KEY_LIST, AT(disable), 0, 0, NULL},
};
#define NKEYS (sizeof keys / sizeof keys[0])
_Static_assert(NKEYS <= 64, "struct config_account.given has one bit a key");

const char *config_key_name(size_t i)
{
	return i < NKEYS ? keys[i].name : NULL;
}

int config_key_find(const char *name)
{
	for (size_t i = 0; i < NKEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool config_key_repeats(size_t key)
{
	return keys[key].type == KEY_LIST;
}

/* Levenshtein distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64];
	size_t n = strlen(b);
	if (n >= sizeof row / sizeof row[0])
		return 64;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		unsigned diagonal = row[0];
		row[0] = (unsigned)i + 1;
		for (size_t j = 0; j < n; j++) {
			unsigned change = diagonal + (a[i] != b[j]);
			diagonal = row[j + 1];
			unsigned best = row[j] + 1 < row[j + 1] + 1 ? row[j] + 1 : row[j + 1] + 1;
			row[j + 1] = change < best ? change : best;
		}
	}
	return row[n];
}

const char *config_key_guess(const char *name)
{
	const char *best = NULL;
	unsigned least = 4; /* further away is no guess any more */
	for (size_t i = 0; i < NKEYS; i++) {
		unsigned d = distance(name, keys[i].name);
		if (d < least) {
			least = d;
			best = keys[i].name;
		}
	}
	return best;
}

static void *field(const struct config_account *a, const struct key *k)
{
	return (char *)(uintptr_t)a + k->offset;
}

static int set_string(char **to, const char *value, struct err *e)
{
	char *copy = strdup(value);
	if (copy == NULL)
		return err_nomem(e, "the configuration");
	if (*to != NULL)
		secret_wipe(*to, strlen(*to));
	free(*to);
	*to = copy;
	return 0;
}

static int set_bool(bool *to, const char *value, struct err *e)
{
	if (strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 ||
		strcasecmp(value, "on") == 0)
		*to = true;
	else if (strcasecmp(value, "no") == 0 || strcasecmp(value, "false") == 0 ||
		strcasecmp(value, "off") == 0)
		*to = false;
	else
		return err_set(e, ERR_USAGE, E_CONFIG, "expects yes or no");
	return 0;
}

/* Digits with an optional unit: k, M, G (powers of 1024), or nothing for bytes. */
static int parse_number(
	const char *value, bool units, const struct key *k, uint64_t *v, struct err *e)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t factor = 1;
	const char *unit = value + digits;
	if (units && (*unit == 'k' || *unit == 'K'))
		factor = UINT64_C(1) << 10, unit++;
	else if (units && *unit == 'M')
		factor = UINT64_C(1) << 20, unit++;
	else if (units && *unit == 'G')
		factor = UINT64_C(1) << 30, unit++;
	if (units && factor > 1 && *unit == 'B')
		unit++;
	if (*unit != '\0' || !slice_u64(slice_of(value, digits), UINT64_MAX / factor, v))
		return err_set(e, ERR_USAGE, E_CONFIG,
			units ? "expects a size, such as 500k, 64M or 2G" : "expects a number");
	*v *= factor;
	if (*v < k->min || *v > k->max)
		return err_set(e, ERR_USAGE, E_CONFIG, "must lie between %llu and %llu",
			(unsigned long long)k->min, (unsigned long long)k->max);
	return 0;
}

static int set_choice(int *to, const struct choice *choices, const char *value, struct err *e)
{
	char list[128] = "";
	size_t used = 0;
	for (const struct choice *c = choices; c->word != NULL; c++) {
		if (strcasecmp(c->word, value) == 0) {
			*to = c->value;
			return 0;
		}
		for (const char *p = used > 0 ? ", " : ""; *p != '\0' && used + 1 < sizeof list;
			p++)
			list[used++] = *p;
		for (const char *p = c->word; *p != '\0' && used + 1 < sizeof list; p++)
			list[used++] = *p;
		list[used] = '\0';
	}
	return err_set(e, ERR_USAGE, E_CONFIG, "expects one of: %s", list);
}

static int set_words(struct string_list *to, const char *value, struct err *e)
{
	string_list_release(to);
	if (words_split(value, to, e) != 0)
		return -1;
	if (to->n == 0)
		return err_set(e, ERR_USAGE, E_CONFIG, "expects a command");
	return 0;
}

int config_key_set(struct config_account *a, size_t key, const char *value, struct err *e)
{
	const struct key *k = &keys[key];
	void *at = field(a, k);
	uint64_t v = 0;
	int choice = 0, status = -1;
	switch (k->type) {
	case KEY_STRING: status = set_string(at, value, e); break;
	case KEY_WORDS: status = set_words(at, value, e); break;
	case KEY_LIST: status = words_split(value, at, e); break;
	case KEY_BOOL: status = set_bool(at, value, e); break;
	case KEY_BOOL_NOT:
		status = set_bool(at, value, e);
		*(bool *)at = !*(bool *)at;
		break;
	case KEY_UINT:
		status = parse_number(value, false, k, &v, e);
		if (status == 0)
			*(unsigned *)at = (unsigned)v;
		break;
	case KEY_SIZE:
		status = parse_number(value, true, k, &v, e);
		if (status == 0)
			*(uint64_t *)at = v;
		break;
	case KEY_CHOICE:
		status = set_choice(&choice, k->choices, value, e);
		if (status == 0)
			memcpy(at, &choice,
				sizeof choice); /* all choices are enums, of the size of int */
		break;
	}
	if (status == 0)
		a->given |= UINT64_C(1) << key;
	return status;
}

static int copy_list(struct string_list *to, const struct string_list *from, struct err *e)
{
	for (size_t i = 0; i < from->n; i++)
		if (string_list_add(to, from->at[i], strlen(from->at[i])) != 0)
			return err_nomem(e, "the configuration");
	return 0;
}

/* Different ways to say the same thing: an account that uses one of them means none of the others. */
static const char *const alternatives[][3] = {
	{"password-command", "password-file", "password"},
	{"host", "tunnel", NULL},
};

/* The keys that `own` settles: those in it, and the alternatives to them. */
static uint64_t settled(uint64_t own)
{
	uint64_t all = own;
	for (size_t i = 0; i < sizeof alternatives / sizeof alternatives[0]; i++) {
		uint64_t group = 0;
		for (size_t j = 0; j < 3 && alternatives[i][j] != NULL; j++)
			group |= UINT64_C(1) << config_key_find(alternatives[i][j]);
		if ((own & group) != 0)
			all |= group;
	}
	return all;
}

int config_key_inherit(struct config_account *to, const struct config_account *from, struct err *e)
{
	uint64_t skip = settled(to->given);
	for (size_t i = 0; i < NKEYS; i++) {
		const struct key *k = &keys[i];
		uint64_t bit = UINT64_C(1) << i;
		if ((skip & bit) != 0 || (from->given & bit) == 0)
			continue;
		void *dst = field(to, k);
		const void *src = field(from, k);
		switch (k->type) {
		case KEY_STRING:
			if (set_string(dst, *(char *const *)src, e) != 0)
				return -1;
			break;
		case KEY_WORDS:
		case KEY_LIST:
			if (copy_list(dst, src, e) != 0)
				return -1;
			break;
		case KEY_BOOL:
		case KEY_BOOL_NOT: *(bool *)dst = *(const bool *)src; break;
		case KEY_UINT: *(unsigned *)dst = *(const unsigned *)src; break;
		case KEY_SIZE: *(uint64_t *)dst = *(const uint64_t *)src; break;
		case KEY_CHOICE: memcpy(dst, src, sizeof(int)); break;
		}
		to->given |= bit;
	}
	return 0;
}

void config_account_release(struct config_account *a)
{
	for (size_t i = 0; i < NKEYS; i++) {
		void *at = field(a, &keys[i]);
		if (keys[i].type == KEY_STRING) {
			char **s = at;
			if (*s != NULL)
				secret_wipe(*s, strlen(*s));
			free(*s);
			*s = NULL;
		} else if (keys[i].type == KEY_WORDS || keys[i].type == KEY_LIST) {
			string_list_release(at);
		}
	}
	free(a->name);
	a->name = NULL;
}
