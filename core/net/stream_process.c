/* SPDX-License-Identifier: MIT */
/*
 * stream_process.c -- a program as the bottom layer ("ssh host imapd").
 *
 * The child's standard input and output are one end of a socket pair, so the stream is one
 * descriptor like any other. posix_spawnp() reports a program that cannot be started as an error of
 * the call, on every system we know, and is safe in programs with threads.
 */
#include "core/net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/net/fd.h"

extern char **environ;

struct process {
	struct stream s;
	char name[128]; /* argv[0], safe to show */
	pid_t pid;
	int fd;
	int status; /* -1 while it runs, else as stream_process_status() */
};

/* ---- starting -------------------------------------------------------------------------------- */

static int make_pair(int end[2], struct err *e)
{
	int type = SOCK_STREAM;
#ifdef SOCK_CLOEXEC
	type |= SOCK_CLOEXEC;
#endif
	if (socketpair(AF_UNIX, type, 0, end) < 0)
		return err_sys(e, ERR_CONNECTION, E_IO, errno, "cannot make a socket pair");
	/* Only our end is non-blocking: the child expects an ordinary standard input. */
	if (fd_prepare(end[0]) < 0 || fcntl(end[1], F_SETFD, FD_CLOEXEC) < 0) {
		err_sys(e, ERR_CONNECTION, E_IO, errno, "cannot prepare a socket pair");
		close(end[0]);
		close(end[1]);
		return -1;
	}
	return 0;
}

/*
 * The child starts with no signal blocked. SIGPIPE, SIGCHLD and SIGTERM get back their meaning,
 * which this program may have switched off and every other relies on; what a shell or nohup has set
 * to be ignored (SIGHUP, SIGINT, SIGQUIT) stays ignored, as they mean it for all processes below.
 */
static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, defaults;
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	sigaddset(&defaults, SIGCHLD);
	sigaddset(&defaults, SIGTERM);
	int rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &defaults);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
			attr, (short)(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
	return rc;
}

/* 0 or an errno value. */
static int spawn(pid_t *pid, const char *const *argv, int child_end)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return rc;
	}
	rc = posix_spawn_file_actions_adddup2(&actions, child_end, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, child_end, STDOUT_FILENO);
	if (rc == 0)
		rc = set_signals(&attr);
	if (rc == 0) {
		/* The prototype lacks a const that the function honours. */
		union {
			const char *const *in;
			char *const *out;
		} args = {.in = argv};
		rc = posix_spawnp(pid, argv[0], &actions, &attr, args.out, environ);
	}
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* ---- the stream ------------------------------------------------------------------------------ */

/* Reap the child if it has ended. */
static void look(struct process *p)
{
	if (p->status >= 0)
		return;
	int raw;
	pid_t r;
	do {
		r = waitpid(p->pid, &raw, WNOHANG);
	} while (r < 0 && errno == EINTR);
	if (r == p->pid && WIFEXITED(raw))
		p->status = WEXITSTATUS(raw);
	else if (r == p->pid && WIFSIGNALED(raw))
		p->status = 128 + WTERMSIG(raw);
	else if (r < 0)
		p->status = 0; /* ECHILD: SIGCHLD is ignored here and nobody will ever know */
}

static enum stream_status process_connect(struct stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return STREAM_OK;
}

static enum stream_status process_read(
	struct stream *s, void *buf, size_t n, size_t *got, struct err *e)
{
	struct process *p = (struct process *)s;
	ssize_t r = fd_recv(p->fd, buf, n);
	if (r > 0) {
		*got = (size_t)r;
		return STREAM_OK;
	}
	/* A reset is what a socket pair says, after the last byte, when the child has left some of
	 * our bytes unread: not an error but an end. */
	if (r == 0 || errno == ECONNRESET)
		return STREAM_END;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_AGAIN;
	err_sys(e, ERR_CONNECTION, E_NET, errno, "cannot read from \"%s\"", p->name);
	return STREAM_ERROR;
}

static enum stream_status process_write(
	struct stream *s, const void *buf, size_t n, size_t *put, struct err *e)
{
	struct process *p = (struct process *)s;
	ssize_t r = fd_send(p->fd, buf, n);
	if (r >= 0) {
		*put = (size_t)r;
		return STREAM_OK;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return STREAM_AGAIN;
	if (errno == EPIPE || errno == ECONNRESET)
		err_set(e, ERR_CONNECTION, E_CLOSED, "\"%s\" has closed its input", p->name);
	else
		err_sys(e, ERR_CONNECTION, E_NET, errno, "cannot write to \"%s\"", p->name);
	return STREAM_ERROR;
}

static void process_wants(
	const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	w->read_fd = w->write_fd = ((const struct process *)s)->fd;
	w->read = reading;
	w->write = writing;
}

static bool process_pending(const struct stream *s)
{
	(void)s;
	return false;
}

/* Wait for the child to end, at most `ms`. There is no portable wait with a time-out: look often at
 * first, since most children end at once, then less often. */
static bool wait_end(struct process *p, int64_t ms)
{
	int64_t deadline = clock_deadline(NULL, ms);
	long nap_ms = 1;
	for (;;) {
		look(p);
		if (p->status >= 0)
			return true;
		if (clock_now(NULL) >= deadline)
			return false;
		struct timespec nap = {.tv_nsec = nap_ms * 1000000L};
		(void)nanosleep(&nap, NULL);
		nap_ms = nap_ms < 32 ? nap_ms * 2 : 32;
	}
}

static void process_close(struct stream *s)
{
	struct process *p = (struct process *)s;
	close(p->fd);
	if (!wait_end(p, PROCESS_END_MS)) {
		(void)kill(p->pid, SIGTERM);
		if (!wait_end(p, PROCESS_END_MS / 2)) {
			(void)kill(p->pid, SIGKILL);
			/* Nothing survives this but a process stuck in the kernel. */
			(void)wait_end(p, PROCESS_END_MS);
		}
	}
	free(p);
}

static const struct stream_ops process_ops = {
	.name = "process",
	.connect = process_connect,
	.read = process_read,
	.write = process_write,
	.wants = process_wants,
	.pending = process_pending,
	.close = process_close,
};

int stream_process_new(struct stream **out, const char *const *argv, struct err *e)
{
	if (!argv[0] || argv[0][0] == '\0')
		return err_set(e, ERR_ACCOUNT, E_CONFIG, "no command given");
	struct process *p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e, "starting a command");
	p->s.ops = &process_ops;
	p->status = -1;
	text_show(p->name, sizeof(p->name), slice_str(argv[0]));

	int end[2];
	if (make_pair(end, e) < 0) {
		free(p);
		return -1;
	}
	int rc = spawn(&p->pid, argv, end[1]);
	close(end[1]);
	if (rc != 0) {
		close(end[0]);
		err_set(e, ERR_ACCOUNT, rc == ENOMEM ? E_NOMEM : E_CONFIG, "cannot run \"%s\": %s",
			p->name, strerror(rc));
		e->sys = rc;
		free(p);
		return -1;
	}
	p->fd = end[0];
	*out = &p->s;
	return 0;
}

int stream_process_status(struct stream *s)
{
	const struct stream *bottom = stream_layer(s, &process_ops);
	if (!bottom)
		return -1;
	while (s != bottom)
		s = s->below;
	struct process *p = (struct process *)s;
	look(p);
	return p->status;
}
