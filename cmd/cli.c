/* SPDX-License-Identifier: MIT */
/* cli.c -- argv to struct cli; --help from the same tables. */
#include "cmd/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cli_archive.h"
#include "cmd/cmd_imap.h"
#include "cmd/exit.h"
#include "cmd/secret.h"

static const struct command commands[] = {
	{"backup", "[ACCOUNT...]", "bring the local copy up to date (what cron runs)", cmd_backup},
	{"check", "[ACCOUNT...]", "connect, log in, say what would be backed up", cmd_check},
	{"export", "[ACCOUNT]", "write messages of an archive, or a server, to one file",
		cmd_export},
	{"folders", "[ACCOUNT...]", "list folders with messages and size", cmd_folders},
	{"imap", "ACCOUNT COMMAND [ARGUMENT...]", "one IMAP command: search, fetch, copy, acl ...",
		cmd_imap},
	{"list", "[FOLDER...]", "list messages of the archive", cmd_list},
	{"repair", "[ACCOUNT...]", "mend the archive, fetch damaged messages again", cmd_repair},
	{"restore", "[ACCOUNT]", "give messages of the archive back to a server", cmd_restore},
	{"show", "FOLDER UID", "print one message of the archive", cmd_show},
	{"status", "[ACCOUNT...]", "last good run, counts, what failed", cmd_status},
	{"verify", "[ACCOUNT|FILE...]", "look for damage in the archive, or in an export",
		cmd_verify},
};

enum option_id {
	OPT_CONFIG = 256,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_JSON,
	OPT_TRACE,
	OPT_PATH,
	OPT_FOLDER,
	OPT_EXCLUDE,
	OPT_DRY_RUN,
	OPT_AUDIT,
	OPT_REMOTE,
	OPT_MAX_AGE,
	OPT_ACCOUNT,
	OPT_SINCE,
	OPT_BEFORE,
	OPT_UID,
	OPT_MESSAGE_ID,
	OPT_HEADER,
	OPT_DELETED,
	OPT_AS_OF,
	OPT_RAW,
	OPT_HEADERS,
	OPT_OUTPUT,
	OPT_FORMAT,
	OPT_FORCE,
	OPT_SAMPLE,
	OPT_SERVER,
	OPT_OFFLINE,
	OPT_FROM,
	OPT_TO,
	OPT_FOLDER_PREFIX,
	OPT_MAP,
	OPT_VERIFY,
	OPT_RESTORE_TEST,
	OPT_SUBSCRIBED,
	OPT_FLAG,
	OPT_DATE,
	OPT_SPECIAL_USE,
	OPT_YES,
	OPT_FOR,
	OPT_HELP,
	OPT_VERSION,
};

struct option_row {
	const char *name;
	char letter; /* or '\0' */
	const char *arg;
	const char *commands; /* space-separated, NULL = all */
	const char *help;
	enum option_id id;
};

static const struct option_row options[] = {
	{"config", 'c', "FILE", NULL, "read this configuration", OPT_CONFIG},
	{"quiet", 'q', NULL, NULL, "only problems", OPT_QUIET},
	{"verbose", 'v', NULL, NULL, "say what is done", OPT_VERBOSE},
	{"json", '\0', NULL, "backup export folders imap list repair restore status verify",
		"results for machines", OPT_JSON},
	{"trace", '\0', "FILE", "backup check folders imap repair restore verify",
		"write the protocol, without secrets and mail", OPT_TRACE},
	{"path", '\0', "DIR", NULL, "the archive's folder (one account)", OPT_PATH},
	{"folder", '\0', "PATTERN", "backup check export folders imap restore",
		"only these folders; may be repeated", OPT_FOLDER},
	{"exclude", '\0', "PATTERN", "backup check export folders list restore",
		"not these folders; may be repeated", OPT_EXCLUDE},
	{"dry-run", 'n', NULL, "backup imap restore", "say what would be done, change nothing",
		OPT_DRY_RUN},
	{"audit", '\0', NULL, "backup", "list every folder in full", OPT_AUDIT},
	{"remote", '\0', NULL, "folders", "ask the server instead of the archive", OPT_REMOTE},
	{"max-age", '\0', "TIME", "status", "fail when the last good run is older: 36h, 2d",
		OPT_MAX_AGE},
	{"account", '\0', "ACCOUNT", "list show", "whose archive, when there are several",
		OPT_ACCOUNT},
	{"since", '\0', "DATE", "export list restore", "received on this day or later", OPT_SINCE},
	{"before", '\0', "DATE", "export list restore", "received before this day", OPT_BEFORE},
	{"uid", '\0', "SET", "export list restore", "only these: 7 or 1:20,33", OPT_UID},
	{"message-id", '\0', "ID", "export list restore", "only with this Message-ID",
		OPT_MESSAGE_ID},
	{"header", '\0', "FIELD", "export list restore",
		"only with this: Subject=invoice; may be repeated", OPT_HEADER},
	{"deleted", '\0', NULL, "export list restore", "only what the server no longer has",
		OPT_DELETED},
	{"as-of", '\0', "DATE", "export list restore", "as the last run before that moment saw it",
		OPT_AS_OF},
	{"raw", '\0', NULL, "show", "the bytes that the server sent", OPT_RAW},
	{"headers", '\0', NULL, "show", "only the header", OPT_HEADERS},
	{"output", 'o', "FILE", "export imap", "write here; - is standard output", OPT_OUTPUT},
	{"format", '\0', "FORMAT", "export", "tar, mbox, maildir, eml, ...", OPT_FORMAT},
	{"force", '\0', NULL, "export", "replace existing files", OPT_FORCE},
	{"sample", '\0', "PART", "verify", "read only a part, 1/7 or 5%; each time the next",
		OPT_SAMPLE},
	{"server", '\0', "[full]", "verify", "compare with the server; =full: every byte",
		OPT_SERVER},
	{"offline", '\0', NULL, "repair", "fetch nothing", OPT_OFFLINE},
	{"from", '\0', "FILE", "restore", "a Maildir tree, mbox or export instead of the archive",
		OPT_FROM},
	{"to", '\0', "ACCOUNT", "restore", "to this account or URL instead of the same", OPT_TO},
	{"folder-prefix", '\0', "NAME", "restore", "put everything below this folder",
		OPT_FOLDER_PREFIX},
	{"map", '\0', "RULE", "restore", "FROM=TO: put a folder elsewhere; may be repeated",
		OPT_MAP},
	{"verify", '\0', NULL, "restore", "read back what was restored and compare", OPT_VERIFY},
	{"restore-test", '\0', "ACCOUNT", "verify",
		"restore a sample to a scratch folder there, compare, remove it", OPT_RESTORE_TEST},
	{"subscribed", '\0', NULL, "imap", "list: only what is subscribed to", OPT_SUBSCRIBED},
	{"flag", '\0', "FLAG", "imap", "append: with this flag; may be repeated", OPT_FLAG},
	{"date", '\0', "DATE", "imap", "append: received at that time", OPT_DATE},
	{"special-use", '\0', "USE", "imap", "create: for Sent, Trash, Junk, ...", OPT_SPECIAL_USE},
	{"yes", '\0', NULL, "imap", "delete, expunge: do what cannot be undone", OPT_YES},
	{"for", '\0', "TIME", "imap", "idle: so long, instead of until a signal", OPT_FOR},
	{"help", 'h', NULL, NULL, "this text", OPT_HELP},
	{"version", '\0', NULL, NULL, "the version", OPT_VERSION},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static bool takes(const struct option_row *o, const char *command)
{
	if (o->commands == NULL)
		return true;
	size_t n = strlen(command);
	for (const char *p = o->commands; *p != '\0';) {
		size_t len = strcspn(p, " ");
		if (len == n && memcmp(p, command, n) == 0)
			return true;
		p += len + (p[len] == ' ');
	}
	return false;
}

static void print_option(const struct option_row *o)
{
	char left[40];
	const char *shown = o->arg != NULL && o->arg[0] != '[' ? o->arg : NULL;
	snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->letter != '\0' ? "-" : " ",
		o->letter != '\0' ? o->letter : ' ', o->letter != '\0' ? "," : " ", o->name,
		shown != NULL ? " " : "", shown != NULL ? shown : "");
	printf("  %-24s %s\n", left, o->help);
}

static void print_help(const struct command *command)
{
	if (command != NULL) {
		printf("usage: imapsync %s [options] %s\n\n%s\n\noptions:\n", command->name,
			command->args, command->brief);
	} else {
		puts("usage: imapsync [options] COMMAND [options] [ACCOUNT...]\n\n"
		     "Keeps a faithful copy of IMAP mailboxes on this disk.\n\ncommands:");
		for (size_t i = 0; i < COUNT(commands); i++)
			printf("  %-10s %s\n", commands[i].name, commands[i].brief);
		puts("\nACCOUNT is the name of an account in imapsync.conf, or a URL: imaps://user@host\n"
		     "(the password is asked for). Without one, all configured accounts are meant.\n\noptions:");
	}
	for (size_t i = 0; i < COUNT(options); i++)
		if (command == NULL || takes(&options[i], command->name))
			print_option(&options[i]);
	if (command != NULL && command->run == cmd_imap)
		imap_help();
	puts("\nManuals: imapsync(1), imapsync.conf(5), imapsync-archive(5)");
}

/* "90s", "30m", "36h", "2d", or seconds. 0 when it is none of these. */
static int64_t parse_age(const char *s)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t n;
	if (!slice_u64(slice_of(s, digits), 1000000000, &n))
		return 0;
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
	for (size_t i = 0; i < COUNT(units); i++)
		if (strcmp(s + digits, units[i].unit) == 0)
			return (int64_t)n * units[i].seconds;
	return 0;
}

/* 0, or -1 after a message. */
static int apply_time(int64_t *to, const char *option, const char *arg)
{
	*to = parse_age(arg);
	if (*to > 0)
		return 0;
	fprintf(stderr, "imapsync: --%s expects a time such as 36h or 2d\n", option);
	return -1;
}

static int add_pattern(struct string_list *l, const char *s)
{
	return string_list_add(l, s, strlen(s));
}

/* What a selection takes; -1 after a message. */
static int apply_selection(struct cli *c, enum option_id id, const char *arg)
{
	struct selection *sel = &c->select;
	struct err e = ERR_INIT;
	int status = 0;
	if (id == OPT_SINCE)
		status = cli_select_date("since", arg, &sel->has_since, &sel->since, &e);
	else if (id == OPT_BEFORE)
		status = cli_select_date("before", arg, &sel->has_before, &sel->before, &e);
	else if (id == OPT_AS_OF)
		status = cli_select_date("as-of", arg, &sel->has_as_of, &sel->as_of, &e);
	else if (id == OPT_UID)
		status = cli_select_uids(sel, arg, &e);
	else if (id == OPT_HEADER)
		status = selection_add_header(sel, arg, &e);
	else if (id == OPT_MESSAGE_ID)
		sel->message_id = arg;
	else
		sel->deleted = true;
	if (status != 0)
		fprintf(stderr, "imapsync: %s\n", e.text);
	return status;
}

/* 0, or -1 after a message. */
static int apply(struct cli *c, enum option_id id, const char *arg)
{
	int status = 0;
	switch (id) {
	case OPT_CONFIG: c->config_file = arg; break;
	case OPT_QUIET: c->quiet = true; break;
	case OPT_VERBOSE: c->verbose = true; break;
	case OPT_JSON: c->json = true; break;
	case OPT_TRACE: c->trace_file = arg; break;
	case OPT_PATH: c->path = arg; break;
	case OPT_FOLDER: status = add_pattern(&c->folders, arg); break;
	case OPT_EXCLUDE: status = add_pattern(&c->exclude, arg); break;
	case OPT_DRY_RUN: c->dry_run = true; break;
	case OPT_AUDIT: c->audit = true; break;
	case OPT_REMOTE: c->remote = true; break;
	case OPT_MAX_AGE: return apply_time(&c->max_age, "max-age", arg);
	case OPT_SINCE:
	case OPT_BEFORE:
	case OPT_UID:
	case OPT_MESSAGE_ID:
	case OPT_HEADER:
	case OPT_DELETED:
	case OPT_AS_OF: return apply_selection(c, id, arg);
	case OPT_ACCOUNT: c->account = arg; break;
	case OPT_RAW: c->raw = true; break;
	case OPT_HEADERS: c->headers = true; break;
	case OPT_OUTPUT: c->output = arg; break;
	case OPT_FORMAT: c->format = arg; break;
	case OPT_FORCE: c->force = true; break;
	case OPT_SAMPLE: return cli_sample(c, arg);
	case OPT_SERVER: return cli_server(c, arg);
	case OPT_OFFLINE: c->offline = true; break;
	case OPT_FROM: c->from = arg; break;
	case OPT_TO: c->to = arg; break;
	case OPT_FOLDER_PREFIX: c->folder_prefix = arg; break;
	case OPT_MAP: status = add_pattern(&c->maps, arg); break;
	case OPT_VERIFY: c->verify_restore = true; break;
	case OPT_RESTORE_TEST: c->restore_test = arg; break;
	case OPT_SUBSCRIBED: c->subscribed = true; break;
	case OPT_FLAG: status = add_pattern(&c->flags, arg); break;
	case OPT_DATE: c->date = arg; break;
	case OPT_SPECIAL_USE: c->special_use = arg; break;
	case OPT_YES: c->yes = true; break;
	case OPT_FOR: return apply_time(&c->idle_for, "for", arg);
	case OPT_HELP:
	case OPT_VERSION: break;
	}
	if (status != 0)
		fprintf(stderr, "imapsync: out of memory\n");
	return status;
}

/* "[full]" may be left out: --server or --server=full. */
static bool is_optional(const struct option_row *o)
{
	return o->arg != NULL && o->arg[0] == '[';
}

static int takes_value(const struct option_row *o)
{
	return o->arg == NULL	 ? no_argument
		: is_optional(o) ? optional_argument
				 : required_argument;
}

/* getopt_long's tables from ours. */
static void make_tables(struct option *longs, char *letters)
{
	size_t n = 0;
	/* In order: what a word means may depend on those in front of it. */
	letters[n++] = '-';
	letters[n++] = ':';
	for (size_t i = 0; i < COUNT(options); i++) {
		longs[i] = (struct option){
			options[i].name, takes_value(&options[i]), NULL, (int)options[i].id};
		if (options[i].letter != '\0') {
			letters[n++] = options[i].letter;
			if (options[i].arg != NULL)
				letters[n++] = ':';
		}
	}
	longs[COUNT(options)] = (struct option){NULL, 0, NULL, 0};
	letters[n] = '\0';
}

static const struct option_row *find_option(int id)
{
	for (size_t i = 0; i < COUNT(options); i++)
		if ((int)options[i].id == id ||
			(options[i].letter != '\0' && options[i].letter == id))
			return &options[i];
	return NULL;
}

/* What getopt_long did not like: optopt is the letter, the number of a long option, or 0. */
static void complain(int id, const char *arg)
{
	const struct option_row *o = optopt != 0 ? find_option(optopt) : NULL;
	const char *what = id == ':' ? "needs a value"
		: o != NULL	     ? "takes no value"
				     : "is not an option";
	if (o != NULL)
		fprintf(stderr, "imapsync: --%s %s; see imapsync --help\n", o->name, what);
	else if (optopt != 0)
		fprintf(stderr, "imapsync: -%c %s; see imapsync --help\n", optopt, what);
	else
		fprintf(stderr, "imapsync: %s %s; see imapsync --help\n", arg, what);
}

enum { WORD = 1 }; /* getopt_long()'s value for what is no option */

/* As getopt_long(), but what only looks like an option among the arguments of "imap" is a word. n: words so far. */
static int next_option(
	int argc, char **argv, const char *letters, const struct option *longs, size_t n)
{
	/* ACCOUNT and COMMAND stand in front of them. */
	bool arguments = n >= 3 && strcmp(argv[1], "imap") == 0;
	if (arguments && optind < argc && imap_is_argument(argv[optind], letters)) {
		optarg = argv[optind++];
		return WORD;
	}
	return getopt_long(argc, argv, letters, longs, NULL);
}

const struct command *cli_parse(struct cli *c, int argc, char **argv, int *status)
{
	struct option longs[COUNT(options) + 1];
	char letters[2 * COUNT(options) + 3];
	uint64_t given = 0;
	bool help = false, version = false;
	size_t n = 0; /* words that are no options: argv[1 ..] from then on */
	int id;
	make_tables(longs, letters);
	*status = EXIT_USAGE;
	opterr = 0;
	while ((id = next_option(argc, argv, letters, longs, n)) != -1) {
		if (id == WORD) {
			argv[1 + n++] = optarg;
			continue;
		}
		const struct option_row *o = id == '?' || id == ':' ? NULL : find_option(id);
		if (o == NULL) {
			complain(id, argv[optind - 1]);
			return NULL;
		}
		given |= UINT64_C(1) << (o - options);
		help = help || o->id == OPT_HELP;
		version = version || o->id == OPT_VERSION;
		if (apply(c, o->id, optarg) != 0)
			return NULL;
	}
	if (version) {
		puts("imapsync " IMAPSYNC_VERSION);
		*status = EXIT_OK;
		return NULL;
	}
	/* Behind "--" */
	while (optind < argc)
		argv[1 + n++] = argv[optind++];
	const struct command *command = n > 0 ? find_command(argv[1]) : NULL;
	if (help) {
		print_help(command);
		*status = EXIT_OK;
		return NULL;
	}
	if (command == NULL) {
		if (n > 0)
			fprintf(stderr, "imapsync: \"%s\" is not a command; see imapsync --help\n",
				argv[1]);
		else
			fprintf(stderr, "imapsync: which command? See imapsync --help\n");
		return NULL;
	}
	for (size_t i = 0; i < COUNT(options); i++)
		if ((given & (UINT64_C(1) << i)) != 0 && !takes(&options[i], command->name)) {
			fprintf(stderr,
				"imapsync: \"%s\" does not take --%s; see imapsync %s --help\n",
				command->name, options[i].name, command->name);
			return NULL;
		}
	c->args = argv + 2;
	c->nargs = n - 1;
	output_init(&c->out, c->quiet, c->verbose, c->json);
	*status = EXIT_OK;
	return command;
}

void cli_release(struct cli *c)
{
	config_release(&c->config);
	string_list_release(&c->folders);
	string_list_release(&c->exclude);
	string_list_release(&c->maps);
	string_list_release(&c->flags);
	selection_release(&c->select);
	if (c->trace != NULL)
		fclose(c->trace);
	c->trace = NULL;
}

/* ---- accounts --------------------------------------------------------------------------------------- */

static int read_config(struct cli *c, struct err *e)
{
	bool needed = c->nargs == 0 || c->config_file != NULL;
	for (size_t i = 0; i < c->nargs; i++)
		needed = needed || !config_is_url(c->args[i]);
	if (!needed || config_read(&c->config, c->config_file, e) == 0)
		return 0;
	if (e->code == E_MISSING)
		return err_set(e, ERR_USAGE, E_CONFIG,
			"there is no configuration file yet: copy imapsync.conf.example, or name "
			"an account as a URL: imapsync backup imaps://user@host");
	return -1;
}

int cli_accounts(struct cli *c, struct config_account ***out, size_t *n, struct err *e)
{
	if (read_config(c, e) != 0)
		return -1;
	/* URLs grow the array that the pointers point into: add them first. */
	size_t configured = c->config.n;
	struct config_account *added;
	for (size_t i = 0; i < c->nargs; i++)
		if (config_is_url(c->args[i]) &&
			config_add_url(&c->config, c->args[i], &added, e) != 0)
			return -1;
	if (c->config.n == 0)
		return err_set(
			e, ERR_USAGE, E_CONFIG, "%s has no [account NAME] section", c->config.file);
	size_t count = c->nargs > 0 ? c->nargs : c->config.n, url = configured;
	struct config_account **list = calloc(count, sizeof *list);
	if (list == NULL)
		return err_nomem(e, "the accounts");
	for (size_t i = 0; i < count; i++) {
		if (c->nargs == 0)
			list[i] = &c->config.account[i];
		else if (config_is_url(c->args[i]))
			list[i] = &c->config.account[url++];
		else
			list[i] = config_find(&c->config, c->args[i]);
		if (list[i] == NULL) {
			err_set(e, ERR_USAGE, E_USAGE, "there is no account \"%s\" in %s",
				c->args[i], c->config.file);
			free(list);
			return -1;
		}
	}
	if (c->path != NULL && count != 1) {
		free(list);
		return err_set(e, ERR_USAGE, E_USAGE, "--path is for one account");
	}
	for (size_t i = 0; i < count; i++) {
		if (c->path != NULL) {
			free(list[i]->path);
			list[i]->path = strdup(c->path);
			if (list[i]->path == NULL) {
				free(list);
				return err_nomem(e, "the path");
			}
		}
		if (config_finish(&c->config, list[i], e) != 0) {
			free(list);
			return -1;
		}
	}
	*out = list;
	*n = count;
	return 0;
}

static void write_trace(void *ctx, const char *line, size_t n)
{
	fwrite(line, 1, n, ctx);
}

void cli_account(struct cli *c, struct config_account *a, struct sync_account *out)
{
	config_to_sync(a, out);
	/* The client certificate, or nobody, logs in: there is no password to ask for. */
	bool none = a->auth != NULL &&
		(slice_ieq_str(slice_str(a->auth), "external") ||
			slice_ieq_str(slice_str(a->auth), "anonymous"));
	out->secret = none ? NULL : secret_get;
	out->secret_ctx = a;
	if (c->folders.n > 0)
		out->folders = (struct sync_patterns){c->folders.at, c->folders.n};
	if (c->exclude.n > 0)
		out->exclude = (struct sync_patterns){c->exclude.at, c->exclude.n};
	if (c->trace != NULL) {
		out->trace = write_trace;
		out->trace_ctx = c->trace;
	}
}

static void note(void *ctx, enum sync_note kind, const char *line)
{
	output_note(&((struct cli *)ctx)->out, kind, line);
}

static void progress(void *ctx, const struct sync_progress *p)
{
	output_progress(&((struct cli *)ctx)->out, p);
}

struct sync_hooks cli_hooks(struct cli *c)
{
	return (struct sync_hooks){
		.ctx = c, .note = note, .progress = progress, .interrupt = c->interrupt};
}

int cli_fail(struct cli *c, const struct err *e)
{
	output_error(&c->out, "%s", e->text);
	return exit_status(e);
}

/* The trace holds addresses and subjects: private, new, and never through a link. */
int cli_open_trace(struct cli *c, struct err *e)
{
	if (c->trace_file == NULL)
		return 0;
	int fd = open(c->trace_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return err_set(e, ERR_USAGE, E_USAGE,
			"the trace file %s exists already; name a new one", c->trace_file);
	if (fd < 0 || (c->trace = fdopen(fd, "w")) == NULL) {
		int error = errno;
		if (fd >= 0)
			close(fd);
		err_sys(e, ERR_USAGE, E_USAGE, error, "cannot write the trace file %s",
			c->trace_file);
		e->code = E_USAGE;
		return -1;
	}
	setvbuf(c->trace, NULL, _IOLBF, 0);
	return 0;
}

int cli_each(struct cli *c, int (*one)(struct cli *c, struct config_account *a))
{
	struct err e = ERR_INIT;
	struct config_account **list = NULL;
	size_t n = 0;
	if (cli_accounts(c, &list, &n, &e) != 0 || cli_open_trace(c, &e) != 0) {
		free(list);
		return cli_fail(c, &e);
	}
	int status = EXIT_OK;
	for (size_t i = 0; i < n && c->interrupt->signal == 0; i++) {
		c->out.account = list[i]->name;
		status = exit_worse(status, one(c, list[i]));
	}
	c->out.account = NULL;
	output_clear_progress(&c->out);
	free(list);
	return c->interrupt->signal != 0 ? 128 + (int)c->interrupt->signal : status;
}
