/* SPDX-License-Identifier: MIT */
/* damage.c -- see damage.h. */
#include "tests/support/damage.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void damage_file_of(const char *archive, const char *folder, unsigned uid, char out[DAMAGE_PATH])
{
	char dir[300], mark[16];
	struct dirent *d;
	snprintf(dir, sizeof dir, "%s/%s", archive, folder);
	snprintf(mark, sizeof mark, "U%uH", uid);
	DIR *list = opendir(dir);
	cr_assert_not_null(list);
	out[0] = '\0';
	while ((d = readdir(list)) != NULL)
		if (strstr(d->d_name, mark) != NULL)
			snprintf(out, DAMAGE_PATH, "%s/%s", dir, d->d_name);
	closedir(list);
	cr_assert_neq(out[0], '\0', "UID %u has no file in %s", uid, folder);
}

void damage_set_time(const char *file, time_t secs)
{
	const struct timespec t[2] = {{secs, 0}, {secs, 0}};
	cr_assert_eq(utimensat(AT_FDCWD, file, t, 0), 0);
}

void damage_flip(const char *file, off_t at)
{
	struct stat st;
	unsigned char c;
	int fd = open(file, O_RDWR);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	if (at < 0)
		at += st.st_size;
	cr_assert_eq(pread(fd, &c, 1, at), 1);
	c ^= 1;
	cr_assert_eq(pwrite(fd, &c, 1, at), 1);
	close(fd);
	damage_set_time(file, st.st_mtime);
}

void damage_sql(const char *archive, const char *text)
{
	char path[300];
	sqlite3 *db;
	snprintf(path, sizeof path, "%s/index.db", archive);
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s: %s", text,
		sqlite3_errmsg(db));
	sqlite3_close(db);
}
