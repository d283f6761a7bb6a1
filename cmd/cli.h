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
#include "core/sync/selection.h"

struct cli {
	/* global */
	const char *config_file, *trace_file, *path;
	bool quiet, verbose, json;
	/* of some commands */
	bool dry_run, audit, remote;
	bool raw, headers, force;
	const char *account, *output, *format;
	struct selection select; /* list, show, export; its patterns are set by the command */
	int64_t max_age;	 /* seconds, 0 = not asked */
	struct string_list folders, exclude; /* --folder, --exclude: added to the account's */
	uint32_t sample_take, sample_of;     /* --sample; of 0 = everything */
	bool server, server_full, offline;
	const char *from, *to, *folder_prefix; /* restore */
	struct string_list maps;
	bool verify_restore;
	const char *restore_test; /* verify: where to rehearse a restore */
	bool subscribed, yes;	  /* imap */
	const char *date, *special_use;
	struct string_list flags;
	int64_t idle_for; /* seconds, 0 = until a signal */
	/* what is left: accounts or URLs */
	char **args;
	size_t nargs;
	/* state shared by the commands */
	struct config config;
	struct output out;
	FILE *trace;
	struct sync_interrupt *interrupt;
	void *state; /* of a command, for the functions it is called back with */
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
/* The file of --trace, when there is one. */
int cli_open_trace(struct cli *c, struct err *e) NODISCARD;
/* Run one(c, account) for each account; the most serious status wins. Stops when interrupted. */
int cli_each(struct cli *c, int (*one)(struct cli *c, struct config_account *a));

int cmd_backup(struct cli *c);
int cmd_check(struct cli *c);
int cmd_export(struct cli *c);
int cmd_folders(struct cli *c);
int cmd_imap(struct cli *c);
int cmd_list(struct cli *c);
int cmd_repair(struct cli *c);
int cmd_restore(struct cli *c);
int cmd_show(struct cli *c);
int cmd_status(struct cli *c);
int cmd_verify(struct cli *c);

/* Options of verify: 0, or -1 after a message. */
int cli_sample(struct cli *c, const char *arg);
int cli_server(struct cli *c, const char *arg);

#endif
