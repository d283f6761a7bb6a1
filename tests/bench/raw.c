/* SPDX-License-Identifier: MIT */
/*
 * raw.c -- command line of the raw limit client.
 *
 *     raw MODE [options]
 *         list-status   one LIST with STATUS          status -w N   a STATUS for each folder, N in flight
 *         drain         every message                 changes -s F  what is new since F was saved
 *         push -i TREE  a Maildir tree (-m: MULTIAPPEND)
 *     -h HOST -p PORT -u USER -P PASSWORD -t (TLS) -z (COMPRESS) -L BYTES (low-water mark) -c CONNECTIONS
 *     -o DIR  drain: write Maildir files, durably     -s FILE  list-status: save what it said
 *
 * Prints one line of JSON: folders, messages, bytes of mail, bytes received.
 */
#include "tests/bench/raw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	struct target target;
	unsigned connections, window;
	const char *out, *in, *state;
	bool multi;
};

static unsigned number(const char *text)
{
	return (unsigned)strtoul(text, NULL, 10);
}

static void parse(struct options *o, int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "h:p:u:P:tzL:c:w:o:i:s:m")) != -1)
		switch (c) {
		case 'h': o->target.host = optarg; break;
		case 'p': o->target.port = optarg; break;
		case 'u': o->target.user = optarg; break;
		case 'P': o->target.password = optarg; break;
		case 't': o->target.tls = true; break;
		case 'z': o->target.compress = true; break;
		case 'L': o->target.lowat = (int)number(optarg); break;
		case 'c': o->connections = number(optarg); break;
		case 'w': o->window = number(optarg); break;
		case 'o': o->out = optarg; break;
		case 'i': o->in = optarg; break;
		case 's': o->state = optarg; break;
		case 'm': o->multi = true; break;
		default: exit(2);
		}
	if (o->connections == 0 || o->window == 0)
		die("at least one connection, and one command in flight");
}

/* window 0: all in one LIST */
static struct moved probe(const struct options *o, unsigned window)
{
	struct boxes b = {NULL, 0};
	struct conn *c = conn_open(&o->target);
	if (window == 0)
		boxes_list_status(c, &b);
	else
		boxes_status(c, &b, window);
	struct moved sum = {.folders = b.n, .wire = conn_close(c)};
	if (o->state != NULL)
		boxes_save(&b, o->state);
	boxes_release(&b);
	return sum;
}

static struct moved run(const char *mode, const struct options *o)
{
	if (strcmp(mode, "list-status") == 0)
		return probe(o, 0);
	if (strcmp(mode, "status") == 0)
		return probe(o, o->window);
	if (strcmp(mode, "drain") == 0)
		return drain(&o->target, o->connections, o->out);
	if (strcmp(mode, "changes") == 0 && o->state != NULL)
		return changes(&o->target, o->state);
	if (strcmp(mode, "push") == 0 && o->in != NULL)
		return push(&o->target, o->connections, o->in, o->multi);
	die("unknown mode, or an option is missing: %s", mode);
}

int main(int argc, char **argv)
{
	struct options o = {
		.target = {.host = "127.0.0.1", .port = "143", .user = "s", .password = "bench"},
		.connections = 1,
		.window = 500,
	};
	if (argc < 2)
		die("usage: raw list-status|status|drain|changes|push [options]");
	parse(&o, argc - 1, argv + 1);
	struct moved m = run(argv[1], &o);
	printf("{\"folders\": %" PRIu64 ", \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
	       ", \"wire\": %" PRIu64 "}\n",
		m.folders, m.messages, m.bytes, m.wire);
	return 0;
}
