/* SPDX-License-Identifier: MIT */
/*
 * upload_hook.h -- gives the model server the commands of a restore: APPEND (also several messages), CREATE, DELETE and
 * SUBSCRIBE; honest unless told otherwise. A folder that has others below it cannot be deleted. Several connections may
 * come at a time; one command is answered after the other.
 *
 *     struct upload_hook f;
 *     upload_hook_init(&f, r.m);
 *     upload_hook_set(&f);
 */
#ifndef TESTS_SUPPORT_UPLOAD_HOOK_H
#define TESTS_SUPPORT_UPLOAD_HOOK_H

#include <pthread.h>

#include "core/sync/sync.h"
#include "tests/support/model_imap.h"

#define UPLOAD_FOLDERS 64

struct upload_hook {
	struct model_imap *m;
	/* what it does wrong */
	const char *refuse;	     /* messages with this text: NO */
	const char *spoil;	     /* messages with this text: another last octet is kept */
	bool add_cr;		     /* LF becomes CRLF */
	unsigned cut_append;	     /* hang up after this APPEND was carried out; 0 = never */
	unsigned cut_create;	     /* the same for CREATE */
	unsigned cut_command;	     /* hang up at this command of any kind; 0 = never ... */
	bool cut_late;		     /* ... after an APPEND or CREATE was carried out */
	unsigned max_logins;	     /* further ones are refused; 0 = none */
	const char *refuse_date;     /* APPEND with this text, in its INTERNALDATE say: BAD */
	bool parents_first;	     /* CREATE of a name whose parent is not there: NO */
	const char *exists;	     /* CREATE of a name with this text: NO [ALREADYEXISTS] */
	const char *refuse_create;   /* the same: NO [CANNOT] */
	const char *refuse_delete;   /* DELETE of a name with this text: NO */
	bool cut_delete;	     /* hang up at every DELETE */
	struct sync_interrupt *stop; /* a signal comes with APPEND number stop_at */
	unsigned stop_at;
	bool no_uids;		     /* no APPENDUID */
	const char *permanent_flags; /* what SELECT says; NULL: nothing */
	const char *append_limit;    /* what STATUS says when asked for APPENDLIMIT: "400", "NIL" */
	/* what came */
	unsigned appends, creates, deletes, subscribes, commands, logins;
	bool gone[UPLOAD_FOLDERS];
	char created[UPLOAD_FOLDERS][160]; /* names of the folders that were made */
	char flags[400], date[40];	   /* of the last message */
	pthread_mutex_t lock;
};

void upload_hook_init(struct upload_hook *f, struct model_imap *m);
/* In place of the model's faults. */
void upload_hook_set(struct upload_hook *f);

#endif
