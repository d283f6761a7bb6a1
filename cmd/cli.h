/* SPDX-License-Identifier: MIT */
/*
 * cli.h -- the command line: global options, the table of commands, and what all commands share.
 *
 * To add a command: write cmd_NAME.c with one function, and a row in commands[] (cli.c). To add an option: a row in
 * options[] (cli.c) with the commands that take it; --help, and the test that compares it with the manual,
 * follow from the table.
 */
#ifndef CMD_CLI_H
#define CMD_CLI_H

#include "cmd/config.h"
#include "cmd/output.h"

struct cli {
	/* global */
	const char *config_file, *trace_file, *path;
	bool quiet, verbose, json;
	/* of some commands */
	bool dry_run, audit, remote;
	int64_t max_age;		     /* seconds, 0 = not asked */
	struct string_list folders, exclude; /* --folder, --exclude: added to the account's */
	/* what is left: accounts or URLs */
	char **args;
	size_t nargs;
	/* state shared by the commands */
	struct config config;
	struct output out;
	FILE *trace;
	struct sync_interrupt *interrupt;
};

struct command {
	const char *name;
	const char *args;	   /* "[ACCOUNT...]" */
	const char *brief;	   /* one line for --help */
	int (*run)(struct cli *c); /* returns the exit status */
};

/* Parse argv; NULL when there is nothing (more) to run: *status is the exit status then (usage, --help, --version). */
const struct command *cli_parse(struct cli *c, int argc, char **argv, int *status);
void cli_release(struct cli *c);

/* The accounts named on the command line (all configured ones when none is), ready to use. -1: *e. */
int cli_accounts(struct cli *c, struct config_account ***out, size_t *n, struct err *e) NODISCARD;
/* The account for core/sync, with secret source, trace and command line folders. */
void cli_account(struct cli *c, struct config_account *a, struct sync_account *out);
/* Notes and progress go to c->out. */
struct sync_hooks cli_hooks(struct cli *c);
/* Report *e for the current account and return its exit status. */
int cli_fail(struct cli *c, const struct err *e);
/* Run one(c, account) for each account; the most serious status wins. Stops when interrupted. */
int cli_each(struct cli *c, int (*one)(struct cli *c, struct config_account *a));

int cmd_backup(struct cli *c);
int cmd_check(struct cli *c);
int cmd_folders(struct cli *c);
int cmd_status(struct cli *c);

#endif
