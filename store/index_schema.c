/* SPDX-License-Identifier: MIT */
/*
 * index_schema.c -- the tables of index.db, as numbered migrations.
 *
 * The schema is part of the public format (imapsync-archive(5)), so the comments stand inside the SQL:
 * `sqlite3 index.db .schema` shows them. A migration is never edited once it was released; the next one
 * is added below. PRAGMA user_version is the number of the last migration that was applied.
 */
#include "store/index_check.h"
#include "store/index_query.h"

static const char *const migration_1[] = {
	"CREATE TABLE meta ( -- facts about the archive: layout, account, created\n"
	"	key TEXT PRIMARY KEY,\n"
	"	value TEXT NOT NULL\n"
	") WITHOUT ROWID;\n",

	"CREATE TABLE run ( -- one a backup; all history refers to these numbers, never to the clock\n"
	"	id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"	kind TEXT NOT NULL, -- backup, repair, or rebuild: rows made from the tree after the index was lost\n"
	"	started INTEGER NOT NULL, -- seconds since 1970, wall clock\n"
	"	ended INTEGER NOT NULL DEFAULT 0, -- 0 while running; of an interrupted run: when that was found\n"
	"	result INTEGER NOT NULL DEFAULT 0, -- 0 running, 1 ok, 2 partial, 3 failed, 4 interrupted\n"
	"	settled INTEGER NOT NULL DEFAULT 0, -- 0: there may be complete files without a row\n"
	"	mailboxes INTEGER NOT NULL DEFAULT 0,\n"
	"	messages_new INTEGER NOT NULL DEFAULT 0,\n"
	"	bytes_new INTEGER NOT NULL DEFAULT 0,\n"
	"	messages_gone INTEGER NOT NULL DEFAULT 0,\n"
	"	flags_changed INTEGER NOT NULL DEFAULT 0,\n"
	"	failed INTEGER NOT NULL DEFAULT 0,\n"
	"	text TEXT NOT NULL DEFAULT '' -- why it was not ok\n"
	");\n"
	"CREATE INDEX run_unsettled ON run (id) WHERE settled = 0;\n",

	"CREATE TABLE flagset ( -- flags of a message, each combination once\n"
	"	id INTEGER PRIMARY KEY,\n"
	"	text TEXT NOT NULL UNIQUE -- '\\Answered \\Seen $Forwarded work': system flags, then sorted keywords\n"
	");\n",

	"CREATE TABLE mailbox (\n"
	"	id INTEGER PRIMARY KEY,\n"
	"	wire BLOB NOT NULL UNIQUE, -- the name as the server spells it\n"
	"	delimiter TEXT NOT NULL, -- hierarchy delimiter, '' when there is none\n"
	"	name TEXT NOT NULL, -- the name in UTF-8\n"
	"	path TEXT NOT NULL UNIQUE, -- below mail/\n"
	"	attributes TEXT NOT NULL, -- of LIST, separated by spaces\n"
	"	selectable INTEGER NOT NULL,\n"
	"	subscribed INTEGER NOT NULL,\n"
	"	present INTEGER NOT NULL, -- the last LIST had it\n"
	"	generation_id INTEGER REFERENCES generation, -- the current one\n"
	"	runs_since_audit INTEGER NOT NULL DEFAULT 0, -- runs that trusted STATUS since the last full listing\n"
	"	first_run INTEGER NOT NULL REFERENCES run,\n"
	"	last_run INTEGER NOT NULL REFERENCES run -- the last one whose LIST had it\n"
	");\n",

	"CREATE TABLE mailbox_span ( -- the mailbox existed in runs from_run <= r < to_run\n"
	"	mailbox_id INTEGER NOT NULL REFERENCES mailbox,\n"
	"	generation_id INTEGER REFERENCES generation, -- current in these runs; NULL: never opened\n"
	"	from_run INTEGER NOT NULL REFERENCES run,\n"
	"	to_run INTEGER REFERENCES run -- NULL: to this day\n"
	");\n"
	"CREATE INDEX mailbox_span_mailbox ON mailbox_span (mailbox_id, from_run);\n",

	"CREATE TABLE generation ( -- one a UIDVALIDITY of a mailbox; never overwritten\n"
	"	id INTEGER PRIMARY KEY,\n"
	"	mailbox_id INTEGER NOT NULL REFERENCES mailbox,\n"
	"	uidvalidity INTEGER NOT NULL,\n"
	"	opened_run INTEGER NOT NULL REFERENCES run,\n"
	"	uidnext INTEGER NOT NULL DEFAULT 0, -- these three: what STATUS said at the last complete run\n"
	"	messages INTEGER NOT NULL DEFAULT 0,\n"
	"	highestmodseq INTEGER NOT NULL DEFAULT 0,\n"
	"	complete_run INTEGER NOT NULL DEFAULT 0, -- the last run that accounted for every UID\n"
	"	stored INTEGER NOT NULL DEFAULT 0, -- messages by state, kept by triggers\n"
	"	gone INTEGER NOT NULL DEFAULT 0,\n"
	"	failed INTEGER NOT NULL DEFAULT 0,\n"
	"	bytes INTEGER NOT NULL DEFAULT 0, -- wire bytes of the stored ones\n"
	"	UNIQUE (mailbox_id, uidvalidity)\n"
	");\n",

	"CREATE TABLE message (\n"
	"	generation_id INTEGER NOT NULL REFERENCES generation,\n"
	"	uid INTEGER NOT NULL,\n"
	"	state INTEGER NOT NULL, -- 0 stored (on the server, too), 1 gone from the server, 2 failed\n"
	"	base TEXT, -- file name in cur/ without ':2,<flags>'; NULL: there is no file\n"
	"	size_disk INTEGER NOT NULL DEFAULT 0,\n"
	"	size_wire INTEGER NOT NULL DEFAULT 0,\n"
	"	size_claimed INTEGER NOT NULL DEFAULT 0, -- RFC822.SIZE, 0 = not given\n"
	"	sha256 BLOB, -- of the wire bytes\n"
	"	date INTEGER, -- INTERNALDATE, seconds since 1970; NULL: none that can be used\n"
	"	zone INTEGER, -- minutes east of UTC\n"
	"	date_raw TEXT, -- what the server gave when that is no date\n"
	"	email_id TEXT, -- RFC 8474 or Gmail\n"
	"	thread_id TEXT,\n"
	"	flags_id INTEGER REFERENCES flagset,\n"
	"	flags_run INTEGER NOT NULL DEFAULT 0, -- since when these flags\n"
	"	first_run INTEGER NOT NULL, -- when it was stored; of a message without file: first heard of\n"
	"	gone_run INTEGER NOT NULL DEFAULT 0, -- when it was found to be gone\n"
	"	reason TEXT, -- why it failed\n"
	"	attempts INTEGER NOT NULL DEFAULT 0,\n"
	"	last_attempt INTEGER NOT NULL DEFAULT 0, -- run\n"
	"	PRIMARY KEY (generation_id, uid)\n"
	") WITHOUT ROWID;\n"
	"CREATE INDEX message_sha256 ON message (sha256) WHERE sha256 IS NOT NULL;\n"
	"CREATE INDEX message_email_id ON message (email_id) WHERE email_id IS NOT NULL;\n",

	"CREATE TRIGGER message_added AFTER INSERT ON message BEGIN\n"
	"	UPDATE generation SET stored = stored + (new.state = 0), gone = gone + (new.state = 1),\n"
	"		failed = failed + (new.state = 2), bytes = bytes + (new.state = 0) * new.size_wire\n"
	"		WHERE id = new.generation_id;\n"
	"END;\n"
	"CREATE TRIGGER message_changed AFTER UPDATE OF state, size_wire ON message BEGIN\n"
	"	UPDATE generation SET stored = stored + (new.state = 0) - (old.state = 0),\n"
	"		gone = gone + (new.state = 1) - (old.state = 1),\n"
	"		failed = failed + (new.state = 2) - (old.state = 2),\n"
	"		bytes = bytes + (new.state = 0) * new.size_wire - (old.state = 0) * old.size_wire\n"
	"		WHERE id = new.generation_id;\n"
	"END;\n"
	"CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN\n"
	"	UPDATE generation SET stored = stored - (old.state = 0), gone = gone - (old.state = 1),\n"
	"		failed = failed - (old.state = 2), bytes = bytes - (old.state = 0) * old.size_wire\n"
	"		WHERE id = old.generation_id;\n"
	"END;\n",

	"CREATE TABLE flag_history ( -- flags that a message had in runs from_run <= r < to_run\n"
	"	generation_id INTEGER NOT NULL,\n"
	"	uid INTEGER NOT NULL,\n"
	"	flags_id INTEGER NOT NULL REFERENCES flagset,\n"
	"	from_run INTEGER NOT NULL,\n"
	"	to_run INTEGER NOT NULL,\n"
	"	PRIMARY KEY (generation_id, uid, from_run)\n"
	") WITHOUT ROWID;\n",

	"CREATE TABLE restore_journal ( -- each APPEND is noted before and after\n"
	"	id INTEGER PRIMARY KEY,\n"
	"	run_id INTEGER NOT NULL REFERENCES run,\n"
	"	target TEXT NOT NULL, -- user@host:port\n"
	"	target_mailbox BLOB NOT NULL, -- wire name there\n"
	"	generation_id INTEGER NOT NULL REFERENCES generation,\n"
	"	uid INTEGER NOT NULL, -- of the message here\n"
	"	state INTEGER NOT NULL, -- 0 about to be sent (or outcome unknown), 1 done, 2 refused\n"
	"	uidvalidity INTEGER, -- what the server gave it\n"
	"	appended_uid INTEGER, -- done: its UID there; about to be sent: what it would be at least\n"
	"	detail TEXT\n"
	");\n"
	"CREATE INDEX restore_journal_message ON restore_journal (generation_id, uid);\n",

	NULL,
};

/* Migration n is at n - 1. */
static const char *const *const migrations[] = {migration_1};
#define MIGRATIONS ((int64_t)(sizeof migrations / sizeof migrations[0]))

static int read_number(struct index *x, const char *sql, int64_t *v, struct err *e)
{
	struct query q;
	if (query_start(&q, x, sql, e) != 0)
		return -1;
	int result = query_next(&q, e);
	if (result > 0)
		*v = query_col_int(&q, 0);
	else if (result == 0)
		index_corrupt(x, e, "does not answer");
	query_end(&q);
	return result > 0 ? 0 : -1;
}

static int apply(struct index *x, int64_t from, struct err *e)
{
	/* PRAGMA takes no parameters; a table of texts would be longer than these two. */
	struct buf sql = BUF_INIT(256);
	buf_addf(&sql, "PRAGMA application_id = %d; PRAGMA user_version = %lld",
		INDEX_APPLICATION_ID, (long long)MIGRATIONS);
	int result = buf_check(&sql, "a statement", e);
	if (result == 0)
		result = index_begin(x, e);
	for (int64_t i = from; result == 0 && i < MIGRATIONS; i++)
		for (const char *const *step = migrations[i]; result == 0 && *step != NULL; step++)
			result = index_exec(x, *step, e);
	if (result == 0)
		result = index_exec(x, buf_str(&sql), e);
	buf_release(&sql);
	return result;
}

int64_t index_version(void)
{
	return MIGRATIONS;
}

int index_migrate(struct index *x, bool *fresh, struct err *e)
{
	int64_t id, version, tables;
	if (read_number(x, "PRAGMA application_id", &id, e) != 0 ||
		read_number(x, "PRAGMA user_version", &version, e) != 0 ||
		read_number(x, "SELECT count(*) FROM sqlite_schema", &tables, e) != 0)
		return -1;
	*fresh = id == 0 && version == 0 && tables == 0;
	if (!*fresh && id != INDEX_APPLICATION_ID)
		return index_corrupt(x, e, "was not made by imapsync");
	if (version > MIGRATIONS)
		return index_corrupt(x, e, "was made by a newer imapsync");
	if (version == MIGRATIONS)
		return 0;
	if (!*fresh && version <= 0)
		return index_corrupt(x, e, "has no version");
	if (!x->write)
		return index_corrupt(x, e,
			*fresh ? "is empty: a backup makes it anew from the messages"
			       : "is of an older imapsync: a backup brings it up to date");
	return apply(x, version, e);
}
