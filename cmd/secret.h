/* SPDX-License-Identifier: MIT */
/*
 * secret.h -- get an account's password: from a command, a file, the configuration, or the person at the terminal.
 * Never from the command line and never from the environment.
 */
#ifndef CMD_SECRET_H
#define CMD_SECRET_H

#include "cmd/config.h"

#define SECRET_MAX	  (64u << 10) /* bytes; OAuth tokens are long */
#define SECRET_COMMAND_MS 30000

/* The `secret` function of struct sync_account; ctx is the struct config_account. The first line counts,
 * without its line end. -1: E_CONFIG (unusable file, failing command), E_AUTH (no source and no terminal). */
int secret_get(void *ctx, struct buf *out, struct err *e) NODISCARD;

#endif
