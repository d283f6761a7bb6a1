/* SPDX-License-Identifier: MIT */
/*
 * timed.c -- runs one program and says what it cost.
 *
 *     timed [-n NETNS] [-t SECONDS] RESULT PROGRAM [ARGUMENT...]
 *
 * RESULT gets one line of JSON: wall, user and system seconds, peak resident set in KiB, exit status, and the
 * signal that ended it (0: none). -n enters a network namespace (a file of /proc/PID/ns/net) before the clock
 * starts; -t kills the program after so many seconds. The program does not outlive timed.
 *
 * It exists because the peak resident set of a child counts what the process held between fork and exec. Started
 * by an interpreter of 20 MB, no program would ever seem smaller than that. It also keeps the clock free of the
 * interpreter's own start-up work.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t running; /* the child's id while there is one */

static void stop_child(int sig)
{
	(void)sig;
	if (running > 0)
		kill((pid_t)running, SIGKILL);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void enter_network(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) {
		perror(path);
		exit(2);
	}
	close(fd);
}

static void write_result(FILE *out, double wall, int status, const struct rusage *used)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	fprintf(out,
		"{\"wall\": %.6f, \"user\": %.6f, \"system\": %.6f, \"rss_kb\": %ld, \"exit\": %d, "
		"\"signal\": %d}\n",
		wall, seconds(used->ru_utime), seconds(used->ru_stime), used->ru_maxrss,
		sig ? 128 + sig : WEXITSTATUS(status), sig);
}

static int run(FILE *out, char **argv, unsigned limit)
{
	struct rusage used;
	int status;
	double start = now();
	pid_t pid = fork();
	if (pid < 0) {
		perror("fork");
		return 2;
	}
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	running = pid;
	alarm(limit);
	while (wait4(pid, &status, 0, &used) < 0)
		if (errno != EINTR) {
			perror("wait4");
			return 2;
		}
	running = 0;
	write_result(out, now() - start, status, &used);
	return fclose(out) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
	const char *network = NULL;
	unsigned limit = 0;
	int o;
	while ((o = getopt(argc, argv, "+n:t:")) != -1)
		switch (o) {
		case 'n': network = optarg; break;
		case 't': limit = (unsigned)strtoul(optarg, NULL, 10); break;
		default: return 2;
		}
	if (argc - optind < 2) {
		fprintf(stderr,
			"usage: timed [-n NETNS] [-t SECONDS] RESULT PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	FILE *out = fopen(argv[optind], "we");
	if (out == NULL) {
		perror(argv[optind]);
		return 2;
	}
	struct sigaction stop = {.sa_handler = stop_child};
	sigaction(SIGALRM, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	if (network != NULL)
		enter_network(network);
	return run(out, argv + optind + 1, limit);
}
