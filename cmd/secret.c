/* SPDX-License-Identifier: MIT */
/* secret.c -- where passwords come from. */
#include "cmd/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/hash.h"

extern char **environ;

/* Keep the first line only. */
static int first_line(struct buf *out, const char *source, struct err *e)
{
	unsigned char *end = out->len > 0 ? memchr(out->data, '\n', out->len) : NULL;
	size_t n = end != NULL ? (size_t)(end - out->data) : out->len;
	if (n > 0 && out->data[n - 1] == '\r')
		n--;
	if (out->len > n)
		secret_wipe(out->data + n, out->len - n);
	buf_truncate(out, n);
	return n > 0 ? 0 : err_set(e, ERR_ACCOUNT, E_CONFIG, "%s gave no password", source);
}

/* As err_sys; but whatever errno says, a password source that does not work is wrong configuration. */
static int unusable(struct err *e, int error, const char *what, const char *name)
{
	err_sys(e, ERR_ACCOUNT, E_CONFIG, error, "cannot %s %s", what, name);
	e->code = E_CONFIG;
	return -1;
}

/* Read until the end, the deadline or the limit. */
static int read_all(int fd, int64_t deadline, const char *source, struct buf *out, struct err *e)
{
	unsigned char chunk[4096];
	for (;;) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		int ready = poll(&pfd, 1, clock_left(NULL, deadline));
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return err_set(e, ERR_ACCOUNT, E_CONFIG,
				"%s gave no password within %d seconds", source,
				SECRET_COMMAND_MS / 1000);
		ssize_t got = read(fd, chunk, sizeof chunk);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return unusable(e, errno, "read from", source);
		if (got == 0)
			return 0;
		bool fits = out->len + (size_t)got <= SECRET_MAX;
		if (fits)
			buf_add(out, chunk, (size_t)got);
		secret_wipe(chunk, sizeof chunk);
		if (!fits || out->failed == E_LIMIT)
			return err_set(e, ERR_ACCOUNT, E_CONFIG,
				"%s gave more than %u bytes; that is no password", source,
				SECRET_MAX);
		if (buf_check(out, "the password", e) != 0)
			return -1;
	}
}

static int from_file(const char *file, struct buf *out, struct err *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return unusable(e, errno, "read password-file", file);
	struct stat st;
	int status;
	if (fstat(fd, &st) != 0)
		status = unusable(e, errno, "read password-file", file);
	else if (!S_ISREG(st.st_mode))
		status = err_set(
			e, ERR_ACCOUNT, E_CONFIG, "password-file %s is not a regular file", file);
	else if (st.st_uid != geteuid() && st.st_uid != 0)
		status = err_set(e, ERR_ACCOUNT, E_CONFIG,
			"password-file %s belongs to somebody else", file);
	else if ((st.st_mode & 077) != 0)
		status = err_set(e, ERR_ACCOUNT, E_CONFIG,
			"password-file %s can be read by others; run: chmod 600 %s", file, file);
	else
		status = read_all(fd, DEADLINE_NEVER, file, out, e);
	close(fd);
	return status == 0 ? first_line(out, file, e) : -1;
}

/* Wait for the child until the deadline; then it is stopped. */
static int reap(pid_t pid, int64_t deadline)
{
	int status;
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if (got < 0 && errno != EINTR)
			return -1;
		if (clock_left(NULL, deadline) == 0) {
			kill(pid, SIGKILL);
			while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
				;
			return status;
		}
		poll(NULL, 0, 10);
	}
}

/* Start it with standard output on fd. The program ignores SIGPIPE; what others write expects to get it. */
static int spawn(pid_t *pid, const struct string_list *command, int fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t usual;
	int error = posix_spawn_file_actions_init(&actions);
	if (error != 0)
		return error;
	error = posix_spawnattr_init(&attributes);
	if (error == 0) {
		sigemptyset(&usual);
		sigaddset(&usual, SIGPIPE);
		error = posix_spawnattr_setsigdefault(&attributes, &usual);
		if (error == 0)
			error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
		if (error == 0)
			error = posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
		if (error == 0)
			error = posix_spawnp(
				pid, command->at[0], &actions, &attributes, command->at, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int from_command(const struct string_list *command, struct buf *out, struct err *e)
{
	const char *name = command->at[0];
	int pipe_fd[2];
	if (pipe2(pipe_fd, O_CLOEXEC) != 0)
		return unusable(e, errno, "run password-command", name);
	pid_t pid = -1;
	int error = spawn(&pid, command, pipe_fd[1]);
	close(pipe_fd[1]);
	if (error != 0) {
		close(pipe_fd[0]);
		return unusable(e, error, "run password-command", name);
	}
	int64_t deadline = clock_deadline(NULL, SECRET_COMMAND_MS);
	int status = read_all(pipe_fd[0], deadline, "password-command", out, e);
	close(pipe_fd[0]);
	int child = reap(pid, status == 0 ? deadline : clock_deadline(NULL, 0));
	if (status != 0)
		return -1;
	if (child == -1 || !WIFEXITED(child) || WEXITSTATUS(child) != 0)
		return err_set(e, ERR_ACCOUNT, E_CONFIG,
			"password-command \"%s\" failed with status %d; its output was not used",
			name, child != -1 && WIFEXITED(child) ? WEXITSTATUS(child) : -1);
	return first_line(out, "password-command", e);
}

/* Ask on the terminal, without echo. */
static int from_terminal(const struct config_account *a, struct buf *out, struct err *e)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_set(e, ERR_ACCOUNT, E_AUTH,
			"no password for %s: there is no terminal to ask on; set password-command or password-file",
			a->name);
	struct termios old, quiet;
	if (tcgetattr(fd, &old) != 0) {
		close(fd);
		return err_sys(e, ERR_ACCOUNT, E_AUTH, errno, "cannot ask for the password of %s",
			a->name);
	}
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	dprintf(fd, "Password for %s: ", a->name);
	ssize_t got = -1;
	unsigned char *room = buf_reserve(out, 4096);
	if (room != NULL)
		got = read(fd, room, 4096);
	int error = errno;
	tcsetattr(fd, TCSAFLUSH, &old);
	dprintf(fd, "\n");
	close(fd);
	if (got < 0)
		return error == EINTR
			? err_set(e, ERR_ACCOUNT, E_CANCELLED,
				  "stopped while asking for the password")
			: err_sys(e, ERR_ACCOUNT, E_AUTH, error, "cannot read the password");
	buf_added(out, (size_t)got);
	return first_line(out, "the terminal", e);
}

int secret_get(void *ctx, struct buf *out, struct err *e)
{
	struct config_account *a = ctx;
	if (a->password_command.n > 0)
		return from_command(&a->password_command, out, e);
	if (a->password_file != NULL)
		return from_file(a->password_file, out, e);
	if (a->password == NULL) {
		if (from_terminal(a, out, e) != 0)
			return -1;
		/* Further connections of this run must not ask again. */
		a->password = strndup((const char *)out->data, out->len);
		return a->password != NULL ? 0 : err_nomem(e, "the password");
	}
	buf_add_str(out, a->password);
	return buf_check(out, "the password", e);
}
