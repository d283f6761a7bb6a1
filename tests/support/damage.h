/* SPDX-License-Identifier: MIT */
/* damage.h -- what tests do to an archive behind the program's back. A step that cannot be done fails the test. */
#ifndef TESTS_SUPPORT_DAMAGE_H
#define TESTS_SUPPORT_DAMAGE_H

#include <sys/types.h>
#include <time.h>

#define DAMAGE_PATH 600

/* The message file of a UID in a folder of the archive ("mail/INBOX/cur"), as a full path. */
void damage_file_of(const char *archive, const char *folder, unsigned uid, char out[DAMAGE_PATH]);
void damage_set_time(const char *file, time_t secs);
/* Change one bit of a byte, counted from the end when `at` is negative. The file's time stays. */
void damage_flip(const char *file, off_t at);
/* Change the index. */
void damage_sql(const char *archive, const char *text);

#endif
