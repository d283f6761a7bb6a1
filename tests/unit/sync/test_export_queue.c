/* SPDX-License-Identifier: MIT */
/* test_export_queue.c -- messages that are read ahead: all sizes, more than fit, damaged ones in between, in their order. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hasher.h"
#include "core/sync/export_internal.h"
#include "tests/support/mail_archive.h"

#define MANY 700 /* more than the queue has places for */
#define DATE "01-Mar-2024 10:00:00 +0200"

struct ctx {
	struct mail_archive a;
	struct export_report r;
	char notes[4096];
};

static void note(void *p, enum sync_note kind, const char *line)
{
	struct ctx *c = p;
	size_t n = strlen(c->notes);
	if (kind == SYNC_NOTE_PROBLEM)
		snprintf(c->notes + n, sizeof c->notes - n, "%s\n", line);
}

/* Of UID n, on the wire; a multiple of 4 is cut between CR and LF now and then. */
static struct buf text(uint32_t uid, size_t n)
{
	struct buf b = BUF_INIT(2 * EXPORT_HOLD);
	unsigned char *p = buf_reserve(&b, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i % 8 == 6 && i + 1 < n ? '\r'
				: i % 8 == 7		       ? '\n'
							       : 'a' + (uid + i / 8) % 26);
	buf_added(&b, n);
	return b;
}

static const size_t size[] = {0, 1, 2, HASH_BLOCK_BYTES - 1, HASH_BLOCK_BYTES, HASH_BLOCK_BYTES + 1,
	30, 3 * HASH_BLOCK_BYTES + 5, 1000, EXPORT_HOLD - 1, EXPORT_HOLD, 7, EXPORT_HOLD + 1, 9,
	2 * EXPORT_HOLD, 11};
#define SIZES (sizeof size / sizeof size[0])

static size_t size_of(uint32_t uid)
{
	return uid <= SIZES ? size[uid - 1] : uid % 600;
}

static void fill(struct ctx *c, uint32_t messages)
{
	memset(c, 0, sizeof *c);
	cr_assert(mail_archive_make(&c->a) && mail_archive_begin(&c->a), "%s", c->a.e.text);
	struct store_generation *g = mail_archive_box(&c->a, "INBOX", 1);
	for (uint32_t uid = 1; uid <= messages; uid++) {
		struct buf t = text(uid, size_of(uid));
		cr_assert(mail_archive_add(&c->a, g, uid, "", DATE, buf_slice(&t)), "%s",
			c->a.e.text);
		buf_release(&t);
	}
	cr_assert(mail_archive_end(&c->a, 1000) && mail_archive_read(&c->a), "%s", c->a.e.text);
}

static void export(struct ctx *c, const char *format)
{
	char out[600];
	struct selection sel;
	selection_init(&sel);
	snprintf(out, sizeof out, "%s/out", c->a.tree.path);
	struct export_options o = {.select = &sel, .output = out};
	const struct sync_hooks h = {.ctx = c, .note = note};
	cr_assert_eq(export_format_choose(format, out, &o.format, &c->a.e), 0);
	cr_assert_eq(sync_export(c->a.s, &o, &h, &c->r, &c->a.e), 0, "%s", c->a.e.text);
}

static bool is_right(struct ctx *c, uint32_t uid)
{
	char name[80];
	size_t n;
	snprintf(name, sizeof name, "out/mail/INBOX/1.%lu.eml", (unsigned long)uid);
	unsigned char *p = tmp_tree_read(&c->a.tree, name, &n);
	struct buf want = text(uid, size_of(uid));
	bool same = p != NULL && slice_eq(slice_of(p, n), buf_slice(&want));
	free(p);
	buf_release(&want);
	return same;
}

Test(export_queue, messages_of_all_sizes_come_out_as_they_went_in, .timeout = 120)
{
	struct ctx c;
	fill(&c, SIZES + MANY);
	export(&c, "eml");
	cr_expect_eq(c.r.messages, SIZES + MANY);
	for (uint32_t uid = 1; uid <= SIZES + MANY; uid++)
		cr_expect(is_right(&c, uid), "UID %lu", (unsigned long)uid);
	mail_archive_remove(&c.a);
}

/* Change a byte, cut the file, make it longer, take it away. */
static void damage(struct ctx *c, uint32_t uid, int how)
{
	char part[40], file[600];
	snprintf(part, sizeof part, "U%luH", (unsigned long)uid);
	cr_assert(mail_archive_find(&c->a, "INBOX", part, file, sizeof file));
	if (how == 3) {
		cr_assert_eq(unlinkat(c->a.tree.fd, file, 0), 0);
		return;
	}
	int fd = openat(c->a.tree.fd, file, O_WRONLY);
	off_t end = lseek(fd, 0, SEEK_END);
	if (how == 1)
		cr_assert_eq(ftruncate(fd, end - 1), 0);
	else
		cr_assert_eq(pwrite(fd, "X", 1, how == 0 ? end / 2 : end), 1);
	close(fd);
}

Test(export_queue, what_is_damaged_is_left_out_in_its_turn_and_nothing_else_is, .timeout = 120)
{
	static const char *const format[] = {"eml", "maildir", "mbox", "tar"};
	static const uint32_t uid[] = {2, 5, 8, 10, 13, 15, 20};
	for (size_t f = 0; f < sizeof format / sizeof format[0]; f++) {
		for (int how = 0; how < 4; how++) {
			struct ctx c;
			fill(&c, 30);
			for (size_t i = 0; i < sizeof uid / sizeof uid[0]; i++)
				damage(&c, uid[i], how);
			export(&c, format[f]);
			cr_expect_eq(c.r.messages, 30 - sizeof uid / sizeof uid[0], "%s %d",
				format[f], how);
			cr_expect_eq(
				c.r.damaged, sizeof uid / sizeof uid[0], "%s %d", format[f], how);
			const char *at = c.notes;
			for (size_t i = 0; i < sizeof uid / sizeof uid[0]; i++) {
				char want[40];
				snprintf(want, sizeof want, "UID %lu is", (unsigned long)uid[i]);
				at = at != NULL ? strstr(at, want) : NULL;
				cr_expect_not_null(at, "%s %d: %s not in turn in\n%s", format[f],
					how, want, c.notes);
			}
			for (uint32_t u = 1; f == 0 && u <= 30; u++)
				if (u != 2 && u != 5 && u != 8 && u != 10 && u != 13 && u != 15 &&
					u != 20)
					cr_expect(is_right(&c, u), "UID %lu", (unsigned long)u);
			mail_archive_remove(&c.a);
		}
	}
}
