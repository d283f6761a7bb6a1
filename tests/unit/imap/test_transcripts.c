/* SPDX-License-Identifier: MIT */
/*
 * test_transcripts.c -- what real servers sent, through lexer and parser: framing must never be lost, and
 * nearly everything must be understood.
 *
 * The transcripts are not part of the source (their licences are their own). They are archives <name>.tar.gz in
 * the folder transcripts/ of the one that IMAPSYNC_TEST_DATA names, or of ../shared/data. Without them the tests say
 * so and pass.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/text.h"
#include "tests/support/lexer_log.h"
#include "tests/support/resp_dump.h"

extern char **environ;

#define FILE_MAX ((size_t)16 << 20)

struct source {
	const char *archive;
	/* Server bytes of one file, appended to out; false: there are none in it. */
	bool (*extract)(const char *path, struct slice file, struct buf *out);
	size_t damaged; /* how many responses cannot be read, known and explained */
	size_t files, responses, found_damaged, lost;
};

/* ---- files ------------------------------------------------------------------------------------------- */

static int run(const char *const argv[])
{
	pid_t pid;
	int status = -1;
	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0)
		return -1;
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static bool read_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return false;
	size_t n;
	do {
		unsigned char *p = buf_reserve(out, 65536);
		n = p == NULL ? 0 : fread(p, 1, 65536, f);
		buf_added(out, n);
	} while (n > 0);
	fclose(f);
	return true;
}

/* Lines end in LF in the archives, in CRLF on the wire. */
static void add_crlf(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			(void)buf_add_byte(out, '\r');
		(void)buf_add_byte(out, text.p[i]);
	}
}

/* ---- formats ------------------------------------------------------------------------------------------ */

/* The whole file is the answer to one command. */
static bool extract_raw(const char *path, struct slice file, struct buf *out)
{
	size_t n = strlen(path);
	if (n < 4 || strcmp(path + n - 4, ".txt") != 0)
		return false;
	add_crlf(out, file);
	return true;
}

static unsigned hex(const char *p, size_t n)
{
	char digits[5] = "";
	memcpy(digits, p, n);
	return (unsigned)strtoul(digits, NULL, 16);
}

/* One escape of a YAML string in double quotes; p is behind the backslash. */
static const char *unescape(const char *p, struct buf *out)
{
	static const char from[] = "rnt0e\"\\ ", to[] = "\r\n\t\0\x1b\"\\ ";
	const char *hit = strchr(from, *p);
	if (*p == 'x') {
		(void)buf_add_byte(out, (unsigned char)hex(p + 1, 2));
		return p + 3;
	}
	if (*p == 'u') {
		(void)utf8_add(out, hex(p + 1, 4));
		return p + 5;
	}
	if (*p == '\n') { /* the line goes on, without a space */
		p++;
		return p + strspn(p, " ");
	}
	if (*p != '\0' && hit != NULL)
		(void)buf_add_byte(out, (unsigned char)to[hit - from]);
	return *p == '\0' ? p : p + 1;
}

/* p is behind the opening quote. */
static void add_yaml_string(const char *p, struct buf *out)
{
	while (*p != '\0' && *p != '"') {
		if (*p == '\\') {
			p = unescape(p + 1, out);
		} else if (*p == '\n') { /* a fold is a space */
			p++;
			p += strspn(p, " ");
			(void)buf_add_byte(out, ' ');
		} else {
			(void)buf_add_byte(out, (unsigned char)*p++);
		}
	}
}

static bool extract_yaml(const char *path, struct slice file, struct buf *out)
{
	(void)path;
	static const char key[] = ":response:";
	const char *p = (const char *)file.p;
	bool any = false;
	while ((p = strstr(p, key)) != NULL) {
		bool comment = false;
		for (const char *q = p; q > (const char *)file.p && q[-1] != '\n'; q--)
			comment = comment || q[-1] == '#';
		p = strchr(p, '"');
		if (p == NULL)
			break;
		if (!comment)
			add_yaml_string(p + 1, out);
		any = any || !comment;
	}
	return any;
}

/* A script: "S: " lines are regular expressions of what the server says. Only those are taken that mean one text. */
static bool extract_script(const char *path, struct slice file, struct buf *out)
{
	(void)path;
	const char *p = (const char *)file.p;
	bool any = false;
	while (*p != '\0') {
		size_t n = strcspn(p, "\n");
		if (n >= 2 && strncmp(p, "S:", 2) == 0) {
			for (size_t i = 3; i < n; i++) {
				if (p[i] == '\\' && i + 1 < n) {
					i++;
					if (strchr("dwsDWS", p[i]) != NULL)
						return false;
				} else if (strchr("*+?[{|", p[i]) != NULL &&
					!(p[i] == '*' && i == 3) && !(p[i] == '+' && i == 3)) {
					return false;
				}
				(void)buf_add_byte(out, (unsigned char)p[i]);
			}
			(void)buf_add_str(out, "\r\n");
			any = true;
		}
		p += n + (p[n] == '\n');
	}
	return any;
}

/* <data crlf="yes"> of a test case. */
static bool extract_case(const char *path, struct slice file, struct buf *out)
{
	(void)path;
	static const char open[] = "<data crlf=\"yes\">\n";
	const char *p = strstr((const char *)file.p, open);
	const char *end = p == NULL ? NULL : strstr(p, "</data>");
	if (end == NULL || strncmp(p + sizeof open - 1, "* ", 2) != 0)
		return false;
	p += sizeof open - 1;
	add_crlf(out, slice_of(p, (size_t)(end - p)));
	return true;
}

/* "$uid3", "$tag", "${sep}" and the like as what a server could say; p is behind the dollar sign. NULL: no such thing. */
static const char *expand(const char *p, struct buf *out)
{
	static const struct {
		const char *name, *text;
	} rows[] = {{"{sep}", "/"}, {"sep", "\"/\""}, {"root", "x"}, {"mailbox", "x"},
		{"tag", "\"t\""}, {"uidnext", "9"}, {"uidvalidity", "7"}, {"uid", ""},
		{"size", ""}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t n = strlen(rows[i].name);
		if (strncmp(p, rows[i].name, n) != 0)
			continue;
		if (rows[i].text[0] == '\0' && (p[n] < '1' || p[n] > '9'))
			return NULL;
		(void)buf_add_str(out, rows[i].text);
		return p + n;
	}
	return NULL;
}

/* A test of imaptest: "* " lines are what the server has to say, with variables. Lines with rules for comparing ("$!ban") or
 * with messages of several lines ("{{{") are left out. */
static bool extract_imaptest(const char *path, struct slice file, struct buf *out)
{
	size_t length = strlen(path);
	if (length > 5 && strcmp(path + length - 5, ".mbox") == 0)
		return false;
	bool any = false;
	const char *end;
	for (const char *p = (const char *)file.p; *p != '\0'; p = end + (*end == '\n')) {
		size_t before = out->len;
		const char *q = p;
		end = p + strcspn(p, "\n");
		while (q != NULL && q < end && strncmp(p, "* ", 2) == 0 &&
			strncmp(q, "{{{", 3) != 0) {
			if (*q == '$')
				q = expand(q + 1, out);
			else
				(void)buf_add_byte(out, (unsigned char)*q++);
		}
		if (q != end || q == p)
			buf_truncate(out, before);
		else
			(void)buf_add_str(out, "\r\n");
		any = any || out->len > before;
	}
	return any;
}

/* ---- the run ------------------------------------------------------------------------------------------ */

static void show_damaged(const char *path, const char *dump)
{
	const char *name = strrchr(path, '/');
	for (const char *line = dump; *line != '\0'; line += strcspn(line, "\n") + 1)
		if (strncmp(line, "  !", 3) == 0 || strncmp(line, "!!!", 3) == 0)
			printf("  %s:%.*s\n", name + 1,
				(int)strcspn(line, "\n") > 300 ? 300 : (int)strcspn(line, "\n"),
				line);
}

static void run_file(struct source *s, const char *path)
{
	struct buf file = BUF_INIT(FILE_MAX), wire = BUF_INIT(FILE_MAX),
		   out = BUF_INIT(4 * FILE_MAX);
	struct err e = ERR_INIT;
	cr_assert(read_file(path, &file), "%s", path);
	(void)buf_add_byte(&file, '\0'); /* to be searched as a string */
	buf_truncate(&file, file.len - 1);
	if (s->extract(path, buf_slice(&file), &wire)) {
		cr_assert_eq(buf_check(&wire, path, &e), 0, "%s", e.text);
		bool ends;
		size_t damaged = resp_dump_wire(
			&out, &lexer_log_limits, LEXER_BODY_TAKE, buf_slice(&wire), &ends);
		s->files++;
		s->found_damaged += damaged;
		for (const char *p = buf_str(&out); (p = strstr(p, "\n  ")) != NULL; p++)
			s->responses++;
		s->responses += strncmp(buf_str(&out), "  ", 2) == 0;
		/* The answer to the command, where the archive has one, must have been reached. */
		bool tagged = strstr(buf_str(&wire), "\nA######## ") != NULL;
		if (tagged && strstr(buf_str(&out), "  A######## ") == NULL)
			ends = false;
		if (!ends) {
			s->lost++;
			printf("  LOST %s\n", path);
		}
		if (damaged > 0 || !ends)
			show_damaged(path, buf_str(&out));
	}
	buf_release(&file);
	buf_release(&wire);
	buf_release(&out);
}

static void run_folder(struct source *s, const char *path)
{
	DIR *dir = opendir(path);
	cr_assert_not_null(dir, "%s", path);
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		char name[4096];
		struct stat st;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		cr_assert_eq(stat(name, &st), 0);
		if (S_ISDIR(st.st_mode))
			run_folder(s, name);
		else
			run_file(s, name);
	}
	closedir(dir);
}

/* False: the archive is not there. */
static bool run_source(struct source *s)
{
	const char *data = getenv("IMAPSYNC_TEST_DATA");
	char archive[4096], folder[] = "/tmp/imapsync-transcripts-XXXXXX";
	snprintf(archive, sizeof archive, "%s/transcripts/%s.tar.gz",
		data != NULL ? data : "../shared/data", s->archive);
	if (access(archive, R_OK) != 0) {
		printf("SKIPPED: %s is not there: NOTHING OF IT WAS TESTED\n", archive);
		return false;
	}
	cr_assert_not_null(mkdtemp(folder));
	const char *const unpack[] = {"tar", "xzf", archive, "-C", folder, NULL};
	const char *const clean[] = {"rm", "-rf", folder, NULL};
	cr_assert_eq(run(unpack), 0, "%s", archive);
	run_folder(s, folder);
	cr_assert_eq(run(clean), 0);
	printf("%-16s %5zu files %7zu responses %4zu damaged %zu lost\n", s->archive, s->files,
		s->responses, s->found_damaged, s->lost);
	fflush(stdout);
	return true;
}

static void check_source(struct source s, size_t least)
{
	if (!run_source(&s))
		return;
	cr_assert_eq(s.lost, 0, "%s: framing was lost in %zu files", s.archive, s.lost);
	cr_assert_eq(s.found_damaged, s.damaged, "%s: %zu responses are damaged", s.archive,
		s.found_damaged);
	cr_assert_geq(
		s.responses, least, "%s: only %zu responses were seen", s.archive, s.responses);
}

/* headers.1+unsolicited-info.txt was written by hand: its literal is three octets short, so that an empty line
 * stands in the middle of a list and its ')' on a line of its own. Both halves are damaged. */
Test(transcripts, of_many_servers_as_recorded_for_mailkit_are_read)
{
	check_source(
		(struct source){.archive = "mailkit-imap", .extract = extract_raw, .damaged = 2},
		800);
}

Test(transcripts, of_net_imap_are_read)
{
	check_source((struct source){.archive = "ruby-net-imap", .extract = extract_yaml}, 100);
}

Test(transcripts, of_james_are_read)
{
	check_source((struct source){.archive = "james-mpt", .extract = extract_script}, 200);
}

Test(transcripts, of_imaptest_are_read)
{
	check_source(
		(struct source){.archive = "dovecot-imaptest", .extract = extract_imaptest}, 100);
}

/* One number is a placeholder, %TESTNUMBER, which the runner of those tests would fill in. */
Test(transcripts, of_curl_are_read)
{
	check_source(
		(struct source){.archive = "curl-imap", .extract = extract_case, .damaged = 1}, 1);
}
