/* SPDX-License-Identifier: MIT */
/*
 * config_key.h -- the table of configuration keys: one row a key, used by the parser and by the tests that compare it
 * with the manual and the example file.
 */
#ifndef CMD_CONFIG_KEY_H
#define CMD_CONFIG_KEY_H

#include "cmd/config.h"

/* Set key number `key` of the account from text. -1: E_CONFIG with a clause that does not name file and line. */
int config_key_set(
	struct config_account *a, size_t key, const char *value, struct err *e) NODISCARD;
/* -1 when there is no such key. */
int config_key_find(const char *name);
/* The key whose name is nearest to a misspelt one, or NULL. */
const char *config_key_guess(const char *name);
/* May the key be given more than once in a section (values are added)? */
bool config_key_repeats(size_t key);
/* Copy from `from` every key that `to` does not set itself (nor an alternative to it, such as
 * password-file to password). */
int config_key_inherit(
	struct config_account *to, const struct config_account *from, struct err *e) NODISCARD;
void config_account_release(struct config_account *a);

#endif
