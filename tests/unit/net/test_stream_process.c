/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/poller.h"
#include "core/net/stream.h"

static struct stream *run(const char *const *argv)
{
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	cr_assert_eq(stream_process_new(&s, argv, &e), 0, "%s", e.text);
	cr_assert_eq(stream_connect(s, &e), STREAM_OK);
	return s;
}

static struct stream *run_shell(const char *script)
{
	const char *const argv[] = {"sh", "-c", script, NULL};
	return run(argv);
}

/* Everything until the end; waits with a poller, as the program does. */
static void read_all(struct stream *s, struct buf *out)
{
	struct err e = ERR_INIT;
	struct poller *p = NULL;
	cr_assert_eq(poller_new(&p, NULL, &e), 0);
	for (;;) {
		char chunk[4096];
		size_t got;
		enum stream_status st = stream_read(s, chunk, sizeof(chunk), &got, &e);
		if (st == STREAM_END)
			break;
		cr_assert_neq(st, STREAM_ERROR, "%s", e.text);
		if (st == STREAM_OK) {
			buf_add(out, chunk, got);
			continue;
		}
		poller_begin(p);
		cr_assert_eq(poller_add(p, s, true, false, &e), 0);
		cr_assert_geq(poller_wait(p, DEADLINE_NEVER, &e), 0);
	}
	poller_free(p);
}

/* The child is reaped some time after its end of the socket is closed. */
static int final_status(struct stream *s)
{
	int status;
	while ((status = stream_process_status(s)) < 0)
		usleep(1000);
	return status;
}

Test(stream_process, moves_bytes_in_both_directions, .timeout = 20)
{
	const char *const argv[] = {"cat", NULL};
	struct stream *s = run(argv);
	struct err e = ERR_INIT;
	size_t n;
	cr_assert_eq(stream_write(s, "hello\n", 6, &n, &e), STREAM_OK, "%s", e.text);
	cr_assert_eq(n, 6);
	char p[16];
	size_t total = 0;
	while (total < 6) {
		enum stream_status st = stream_read(s, p + total, sizeof(p) - total, &n, &e);
		cr_assert(st == STREAM_OK || st == STREAM_AGAIN, "%s", e.text);
		total += n;
	}
	cr_assert_arr_eq(p, "hello\n", 6);
	cr_assert_eq(stream_process_status(s), -1, "it still runs");
	cr_assert_not(stream_pending(s));
	stream_close(s);
}

Test(stream_process, gives_the_last_byte_then_the_end_then_the_status, .timeout = 20)
{
	static const struct {
		const char *script;
		const char *out;
		int status;
	} rows[] = {
		{"printf done", "done", 0},
		{"printf x; exit 3", "x", 3},
		{"kill -KILL $$", "", 128 + SIGKILL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stream *s = run_shell(rows[i].script);
		struct buf out = BUF_INIT(100);
		read_all(s, &out);
		cr_assert_str_eq(buf_str(&out), rows[i].out, "%s", rows[i].script);
		cr_assert_eq(final_status(s), rows[i].status, "%s", rows[i].script);
		buf_release(&out);
		stream_close(s);
	}
}

Test(stream_process, input_the_child_left_unread_is_no_error, .timeout = 20)
{
	struct stream *s = run_shell("sleep 0.1; printf bye");
	struct err e = ERR_INIT;
	size_t n;
	cr_assert_eq(stream_write(s, "a1 LOGOUT\r\n", 11, &n, &e), STREAM_OK);
	struct buf out = BUF_INIT(100);
	read_all(s, &out);
	cr_assert_str_eq(buf_str(&out), "bye");
	buf_release(&out);
	stream_close(s);
}

Test(stream_process, writing_to_a_dead_child_is_an_error_and_no_signal, .timeout = 20)
{
	struct stream *s = run_shell("exit 0");
	struct buf out = BUF_INIT(100);
	read_all(s, &out);
	(void)final_status(s);
	struct err e = ERR_INIT;
	size_t n;
	cr_assert_eq(stream_write(s, "x", 1, &n, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_CLOSED);
	cr_assert_str_eq(e.text, "\"sh\" has closed its input");
	stream_close(s);
}

Test(stream_process, says_what_cannot_be_run)
{
	static const struct {
		const char *argv[2];
		const char *text;
	} rows[] = {
		{{"no-such-command-here"},
			"cannot run \"no-such-command-here\": No such file or directory"},
		{{"/etc/passwd"}, "cannot run \"/etc/passwd\": Permission denied"},
		{{"x\x1b[2J"}, "cannot run \"x\\u{1B}[2J\": No such file or directory"},
		{{""}, "no command given"},
		{{NULL}, "no command given"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err e = ERR_INIT;
		struct stream *s = NULL;
		cr_assert_eq(stream_process_new(&s, rows[i].argv, &e), -1, "row %zu", i);
		cr_assert_eq(e.code, E_CONFIG);
		cr_assert_str_eq(e.text, rows[i].text);
	}
}

Test(stream_process, the_child_starts_with_clean_signals, .timeout = 20)
{
	/* What a careful program does to itself must not reach the command it runs. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	sigset_t all;
	sigfillset(&all);
	cr_assert_eq(sigprocmask(SIG_BLOCK, &all, NULL), 0);
	static const struct {
		const char *script;
		int status;
	} rows[] = {{"kill -PIPE $$; exit 9", 128 + SIGPIPE},
		{"kill -TERM $$; exit 9", 128 + SIGTERM}, {"kill -USR1 $$; exit 9", 128 + SIGUSR1}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct stream *s = run_shell(rows[i].script);
		cr_assert_eq(final_status(s), rows[i].status, "%s", rows[i].script);
		stream_close(s);
	}
}

Test(stream_process, the_child_inherits_no_other_descriptor, .timeout = 20)
{
	const char *const cat[] = {"cat", NULL};
	struct stream *other = run(cat);
	struct stream_wants w;
	stream_wants(other, true, false, &w);
	/* One that is inherited, to show that the question can be answered with yes. */
	int inherited = dup(w.read_fd);
	const struct {
		int fd;
		const char *want;
	} rows[] = {{inherited, "open\n"}, {w.read_fd, "closed\n"}};
	for (size_t i = 0; i < 2; i++) {
		char script[128];
		snprintf(script, sizeof(script),
			"if [ -e /dev/fd/%d ]; then echo open; else echo closed; fi", rows[i].fd);
		struct stream *s = run_shell(script);
		struct buf out = BUF_INIT(100);
		read_all(s, &out);
		cr_assert_str_eq(buf_str(&out), rows[i].want);
		buf_release(&out);
		stream_close(s);
	}
	close(inherited);
	stream_close(other);
}

Test(stream_process, close_ends_a_child_that_does_not_want_to_end, .timeout = 30)
{
	/* exec: the shell itself becomes the sleeper, so that one process is all there is. */
	struct stream *s = run_shell("trap '' TERM; echo $$; exec sleep 60");
	char p[32] = "";
	size_t n = 0, total = 0;
	struct err e = ERR_INIT;
	while (!strchr(p, '\n')) {
		enum stream_status st = stream_read(s, p + total, sizeof(p) - 1 - total, &n, &e);
		cr_assert(st == STREAM_OK || st == STREAM_AGAIN, "%s", e.text);
		total += n;
	}
	pid_t pid = (pid_t)atoi(p);
	cr_assert_gt(pid, 1);
	int64_t start = clock_now(NULL);
	stream_close(s);
	int64_t took = clock_now(NULL) - start;
	cr_assert_eq(kill(pid, 0), -1, "the child is gone and reaped");
	cr_assert_geq(took, PROCESS_END_MS, "it was given time");
	cr_assert_lt(took, 4 * PROCESS_END_MS);
}

Test(stream_process, a_large_answer_arrives_whole, .timeout = 30)
{
	struct stream *s =
		run_shell("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done");
	struct buf out = BUF_INIT(1 << 20);
	read_all(s, &out);
	cr_assert_eq(out.len, 20000 * 11);
	buf_release(&out);
	stream_close(s);
}
