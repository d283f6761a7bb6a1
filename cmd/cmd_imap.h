/* SPDX-License-Identifier: MIT */
/*
 * cmd_imap.h -- imapsync imap ACCOUNT COMMAND: what its commands share.
 *
 * One call is one session and one row of the table in cmd_imap.c. The row says how many arguments and which options the
 * command takes and whether it changes the server; the frame connects, runs it and reports. A command that changes
 * nothing, and every command under --dry-run, runs in a session that can only look (IMAP4_POLICY_BACKUP) where the
 * library can ask its question in one.
 *
 * Folder names are UTF-8; '/' stands for the server's hierarchy delimiter, which may be written as well. Texts of the
 * server are shown through text_show() or as JSON only.
 *
 * With --json a command writes into the document that the frame opens and closes, so that it is whole also after a
 * failure; then it has the member "error".
 */
#ifndef CMD_CMD_IMAP_H
#define CMD_CMD_IMAP_H

#include "cmd/cli.h"

/* ---- JSON, piece by piece --------------------------------------------------------------------------- */

/* Answers of a server are nested at most 25 deep, and each level takes two here at most. */
#define JSON_DEPTH_MAX 128

struct json {
	FILE *f;
	char closer[JSON_DEPTH_MAX];
	unsigned depth;
	bool first; /* nothing was written at this depth yet */
};

/* key: NULL inside of an array. */
void json_begin(struct json *j, const char *key, char opener); /* '{' or '[' */
void json_end(struct json *j);
void json_add_text(struct json *j, const char *key, struct slice s);
void json_add_str(struct json *j, const char *key, imap4_str s); /* absent: null */
void json_add_u64(struct json *j, const char *key, uint64_t v);
void json_add_bool(struct json *j, const char *key, bool v);
void json_add_null(struct json *j, const char *key);
/* Text that needs no escaping, of any length. */
void json_add_base64(struct json *j, const char *key, const char *s);
void json_add_node(struct json *j, const char *key, const imap4_node *n);
/* Numbers of a set as an array. */
void json_add_set(struct json *j, const char *key, const imap4_set *set);

/* ---- one call --------------------------------------------------------------------------------------- */

struct imap_call;

/* What a row of the table may take, and what it does. */
enum {
	IMAP_DRY_RUN = 1 << 0,
	IMAP_YES = 1 << 1,
	IMAP_OUTPUT = 1 << 2,
	IMAP_FLAG = 1 << 3,
	IMAP_DATE = 1 << 4,
	IMAP_SPECIAL_USE = 1 << 5,
	IMAP_SUBSCRIBED = 1 << 6,
	IMAP_FOR = 1 << 7,
	IMAP_CHANGES = 1 << 8,	 /* the server, but for --dry-run */
	IMAP_ANY = 1 << 9,	 /* looks only, but the backup policy would refuse its commands */
	IMAP_NEED_YES = 1 << 10, /* destroys: --yes, or --dry-run */
	IMAP_LINES = 1 << 11,	 /* --json: one object a line, no document */
	IMAP_UIDS = 1 << 12,	 /* the second argument, where there is one, is a set of UIDs */
	IMAP_QUERY = 1 << 13,	 /* behind the arguments that must be there is a query */
	IMAP_FOLDER = 1 << 14,	 /* --folder: the one that is open meanwhile */
};

struct imap_sub {
	const char *name; /* "copy", "acl get" */
	const char *args, *brief;
	size_t least, most; /* arguments */
	unsigned takes;	    /* IMAP_* */
	/* 0: done (k->status may be worse than OK); -1: *e. */
	int (*run)(struct imap_call *k, struct err *e);
};

struct imap_call {
	struct cli *c;
	const struct imap_sub *sub;
	char **arg; /* behind the name of the command; NULL at the end */
	size_t n;
	struct sync_account account;
	imap4_session *s;
	struct json json;
	int status; /* of parts that failed and were reported */
	char delimiter;
	bool delimiter_known;
};

/* True for a word behind COMMAND that looks like options, but is none: "-FLAGS", "-te". */
bool imap_is_argument(const char *word, const char *letters);
void imap_help(void);

/* The wire name of a folder. -1: E_USAGE when it is empty or not UTF-8. */
int imap_wire(struct imap_call *k, const char *folder, struct buf *wire, struct err *e) NODISCARD;
imap4_str imap_str(const struct buf *b);
struct slice imap_slice(imap4_str s);
/* A wire name for people: UTF-8, not yet escaped; as it is when it is not modified UTF-7. */
void imap_display(imap4_str wire, struct buf *out);

/* Wait for the command, hand each of its data to each() as they come (may be NULL; -1 with *e ends it), free the
 * command. `object`: "folder", and its name, or NULL. -1: *e, with advice where there is some. */
typedef int imap_each_fn(void *ctx, const imap4_data *d, struct err *e);
int imap_run(struct imap_call *k, imap4_cmd *cmd, const char *object, imap_each_fn *each, void *ctx,
	struct err *e) NODISCARD;
/* The same without freeing it, for those who want its results. A NULL command may be given. */
int imap_finish(struct imap_call *k, imap4_cmd *cmd, const char *object, imap_each_fn *each,
	void *ctx, struct err *e) NODISCARD;

/* EXAMINE, or SELECT when `writable`; a server that opens it read-only then is an error. */
int imap_open(struct imap_call *k, const char *folder, bool writable, struct err *e) NODISCARD;
/* Those messages of the open folder that `text` ("1:5,9,20:*") means. -1: E_USAGE, or E_MISSING when there is none. */
int imap_messages(struct imap_call *k, const char *folder, const char *text, imap4_set *out,
	struct err *e) NODISCARD;
/* *exists: LIST names it, and it is more than a place in the hierarchy. */
int imap_exists(struct imap_call *k, const char *folder, bool *exists, struct err *e) NODISCARD;
/* It exists, or -1: E_MISSING. */
int imap_must_exist(struct imap_call *k, const char *folder, struct err *e) NODISCARD;

/* "would copy ..." under --dry-run, else "copied ...": prints the line unless --quiet or --json. */
void imap_say(struct imap_call *k, const char *done, const char *would, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
/* A set as text; free() it. NULL: *e. */
char *imap_set_shown(const imap4_set *set, struct err *e) NODISCARD;
/* text_show() of a folder's name or another argument. */
const char *imap_shown(char b[], const char *text);

/* A flag as people write it: the system flags also without the backslash. */
imap4_str imap_flag(const char *word);
void imap_print_strs(const imap4_str *at, size_t n);
void imap_add_strs(struct json *j, const char *key, const imap4_str *at, size_t n);
void imap_print_node(const imap4_node *n);
/* A whole response: a line, or a member of the array that is open. */
void imap_show_data(struct imap_call *k, const imap4_data *d);
/* Room for the widest of what is shown in a first column, at most 48 columns. */
size_t imap_width(size_t so_far, struct slice text);

/* ---- the commands ------------------------------------------------------------------------------------ */

int imap_list(struct imap_call *k, struct err *e);
int imap_status(struct imap_call *k, struct err *e);
int imap_create(struct imap_call *k, struct err *e);
int imap_delete(struct imap_call *k, struct err *e);
int imap_rename(struct imap_call *k, struct err *e);
int imap_subscribe(struct imap_call *k, struct err *e);
int imap_unsubscribe(struct imap_call *k, struct err *e);

int imap_append(struct imap_call *k, struct err *e);
int imap_copy(struct imap_call *k, struct err *e);
int imap_move(struct imap_call *k, struct err *e);
int imap_store(struct imap_call *k, struct err *e);
int imap_expunge(struct imap_call *k, struct err *e);

int imap_fetch(struct imap_call *k, struct err *e);

int imap_search(struct imap_call *k, struct err *e);
int imap_sort(struct imap_call *k, struct err *e);
int imap_thread(struct imap_call *k, struct err *e);
int imap_idle(struct imap_call *k, struct err *e);
/* Before it is connected: where what the server tells unasked will go. */
void imap_idle_prepare(struct imap_call *k);

int imap_acl_get(struct imap_call *k, struct err *e);
int imap_acl_set(struct imap_call *k, struct err *e);
int imap_acl_delete(struct imap_call *k, struct err *e);
int imap_acl_rights(struct imap_call *k, struct err *e);
int imap_acl_myrights(struct imap_call *k, struct err *e);
int imap_quota_get(struct imap_call *k, struct err *e);
int imap_quota_root(struct imap_call *k, struct err *e);
int imap_quota_set(struct imap_call *k, struct err *e);
int imap_metadata_get(struct imap_call *k, struct err *e);
int imap_metadata_set(struct imap_call *k, struct err *e);
int imap_raw(struct imap_call *k, struct err *e);
int imap_namespace(struct imap_call *k, struct err *e);
int imap_server_id(struct imap_call *k, struct err *e);
int imap_capabilities(struct imap_call *k, struct err *e);

#endif
