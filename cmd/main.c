/* SPDX-License-Identifier: MIT */
/* main.c -- process set-up, signals, one command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#if defined(__linux__)
#	include <sys/prctl.h>
#endif

#include "cmd/cli.h"
#include "cmd/exit.h"

/* The handler needs it; nothing else does. */
static struct sync_interrupt interrupted;

/* The first signal asks for an orderly end, the second one is deadly. */
static void on_signal(int sig)
{
	interrupted.signal = sig;
	sync_interrupt_wake(&interrupted);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_signal;
	sa.sa_flags = (int)SA_RESETHAND;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction old;
		/* nohup means it */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &sa, NULL);
	}
	sa.sa_handler = SIG_IGN;
	sa.sa_flags = 0;
	sigaction(SIGPIPE, &sa, NULL);
}

/* Passwords and mail are in this process: no core file, no debugger of somebody else's. */
static void keep_private(void)
{
	const struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	umask(077);
}

int main(int argc, char **argv)
{
	struct cli cli = {.interrupt = &interrupted};
	int status;
	keep_private();
	catch_signals();
	const struct command *command = cli_parse(&cli, argc, argv, &status);
	if (command != NULL)
		status = command->run(&cli);
	cli_release(&cli);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("imapsync: cannot write the output");
		status = exit_worse(status, EXIT_IO);
	}
	return status;
}
