/* SPDX-License-Identifier: MIT */
/*
 * names.h -- mailbox names to paths and message facts to file names, both ways. Pure: no I/O.
 *
 * Mailbox to path (imapsync-archive(5), "Folder names"): the wire name is split at the delimiter;
 * each level is decoded from modified UTF-7 to UTF-8; then per level these bytes become %XX
 * (upper-case hexadecimal): 00-1F, 7F, '/', '%', a leading '.', and the first byte of a level
 * that is exactly "cur", "new", "tmp" or "dovecot-keywords" (names that the Maildir itself
 * needs). Under Maildir++ every '.' is escaped, since it separates levels there. An empty level
 * is "%00".
 *
 * A level that is not modified UTF-7, or that decodes to control characters, keeps its wire bytes
 * with '&' and all bytes >= 80 escaped too, so that it cannot meet the path of another one.
 *
 * A level longer than NAME_LEVEL_MAX bytes after that is cut (not inside a character or an escape)
 * and gets "%~" and 16 hexadecimal digits of the SHA-256 of the level's wire bytes; its true name
 * is in the side file. Under Maildir++ the whole path is one directory name; over NAME_DIR_MAX
 * bytes it is cut in the same way, with the hash of the whole wire name.
 *
 * INBOX in any case is INBOX.
 *
 * The map is injective for one delimiter, and reversible for all names that are not cut. Names of
 * two namespaces with different delimiters ("a.b" and "a/b") can meet: the caller, who knows all
 * mailboxes, must look out for a path that is taken.
 */
#ifndef STORE_NAMES_H
#define STORE_NAMES_H

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/hash.h"
#include "core/base/mail.h"
#include "store/store.h"

#define NAME_LEVEL_MAX 200  /* bytes of one level on disk */
#define NAME_PATH_MAX  3000 /* bytes of the whole relative path */
#define NAME_DIR_MAX   255  /* bytes of the one directory name of a Maildir++ path */

/* Append the path below mail/ ("Example/2016", ".Example.2016", "" for INBOX under Maildir++). -1
 * (ERR_MAILBOX): E_LIMIT for names over STORE_NAME_MAX or paths over NAME_PATH_MAX, E_INVALID for
 * an empty name or one with NUL. */
int name_to_path(struct slice wire, char delimiter, enum store_layout layout, struct buf *path,
	struct err *e) NODISCARD;
/* The way back, to the wire name. false when the path was not made by name_to_path or has a cut
 * level. */
bool name_from_path(struct slice path, char delimiter, enum store_layout layout, struct buf *wire);
/* The name for people: levels decoded to UTF-8, the delimiter kept. Undecodable levels keep their
 * bytes. */
int name_display(struct slice wire, char delimiter, struct buf *out, struct err *e) NODISCARD;

/* ---- message files --------------------------------------------------------------------------- */

/* "<secs>.V<uidvalidity>U<uid>H<16 hex>.imapsync,S=<disk>,W=<wire>" and, after ":2,", the flag
 * letters. */
struct message_name {
	int64_t secs;
	uint32_t uidvalidity, uid;
	unsigned char hash[8]; /* the first half of the 16 hex digits' bytes: SHA-256[0..7] */
	uint64_t size_disk, size_wire;
};

#define MESSAGE_NAME_MAX 240 /* bytes with letters and final NUL */

/* Writes the base (no ":2,"); returns its length. uidvalidity, uid > 0; size_disk <= size_wire. */
size_t message_name_format(const struct message_name *n, char out[MESSAGE_NAME_MAX]);
/* Parses a name with or without ":2,letters"; *letters gets what follows ":2," (or empty). Strict
 * up to there: only what message_name_format writes is accepted. The letters may be anything,
 * since other programs rename files. */
bool message_name_parse(struct slice name, struct message_name *n, struct slice *letters);

/* ---- flag letters ---------------------------------------------------------------------------- */

/* Keyword letters of one mailbox, a-z, as in the file dovecot-keywords: "<n> <name>\n" lines. */
#define KEYWORD_LETTERS 26
struct keyword_map {
	struct buf name[KEYWORD_LETTERS]; /* empty = free */
	bool changed;			  /* differs from the file that was read */
};
void keyword_map_init(struct keyword_map *k);
void keyword_map_release(struct keyword_map *k);
int keyword_map_parse(struct keyword_map *k, struct slice file,
	struct err *e) NODISCARD; /* unknown lines are kept out */
int keyword_map_format(const struct keyword_map *k, struct buf *file, struct err *e) NODISCARD;

#define FLAG_LETTERS_MAX (6 + KEYWORD_LETTERS + 1)
/* The letters of canonical flags, sorted by ASCII: D F P R S T, then a-z. Keywords without a
 * letter get the next free one (k->changed); when none is free they have none (the index keeps
 * them). */
int flag_letters(struct slice flags, struct keyword_map *k, char out[FLAG_LETTERS_MAX],
	struct err *e) NODISCARD;
/* Canonical flags from letters; letters without a keyword are ignored. */
int flags_from_letters(struct slice letters, const struct keyword_map *k, struct mail_flags *f,
	struct err *e) NODISCARD;

/* ---- side file .mailbox ---------------------------------------------------------------------- */

/*
 * Text, one "key value" a line, UTF-8; the order and unknown keys do not matter to a reader:
 *     imapsync-mailbox 1
 *     name Entw&APw-rfe            wire bytes; those outside 21-7E and '%' as %XX
 *     delimiter /                  one byte in the same encoding; absent when there is none
 *     uidvalidity 1500000001       absent before the mailbox was first opened
 *     attributes \HasNoChildren \Drafts     in the same encoding, but spaces stay
 * The first line must be the one above, and there must be a name.
 */
#define SIDE_FILE_MAX (64u << 10) /* bytes of the whole file */
struct side_file {
	struct buf wire, attributes;
	char delimiter;
	uint32_t uidvalidity; /* 0 = unknown */
};
void side_file_init(struct side_file *f);
void side_file_release(struct side_file *f);
/* Replaces the contents. E_CORRUPT, ERR_MAILBOX when it is not such a file. */
int side_file_parse(struct side_file *f, struct slice text, struct err *e) NODISCARD;
int side_file_format(const struct side_file *f, struct buf *out, struct err *e) NODISCARD;

#endif
