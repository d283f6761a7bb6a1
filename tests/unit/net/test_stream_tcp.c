/* SPDX-License-Identifier: MIT */
/*
 * Real sockets on loopback; only the name service is ours. getaddrinfo() of this program takes the
 * place of the system's, so that a name can have any list of addresses and no query leaves the
 * machine.
 */
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/poller.h"
#include "core/net/stream.h"

/* ---- a name service -------------------------------------------------------------------------- */

static const char *const *name_addresses; /* numeric, ending with NULL */
static int name_error;

static struct addrinfo *make_info(const char *address, uint16_t port)
{
	struct addrinfo *ai = calloc(1, sizeof(*ai));
	ai->ai_socktype = SOCK_STREAM;
	if (strchr(address, ':')) {
		struct sockaddr_in6 *in6 = calloc(1, sizeof(*in6));
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		inet_pton(AF_INET6, address, &in6->sin6_addr);
		ai->ai_addr = (struct sockaddr *)in6;
		ai->ai_addrlen = sizeof(*in6);
		ai->ai_family = AF_INET6;
	} else {
		struct sockaddr_in *in = calloc(1, sizeof(*in));
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		inet_pton(AF_INET, address, &in->sin_addr);
		ai->ai_addr = (struct sockaddr *)in;
		ai->ai_addrlen = sizeof(*in);
		ai->ai_family = AF_INET;
	}
	return ai;
}

int getaddrinfo(
	const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **list)
{
	unsigned char raw[16];
	uint16_t port = (uint16_t)atoi(service);
	bool numeric = inet_pton(AF_INET, host, raw) == 1 || inet_pton(AF_INET6, host, raw) == 1;
	if (hints->ai_flags & AI_NUMERICHOST) {
		*list = numeric ? make_info(host, port) : NULL;
		return numeric ? 0 : EAI_NONAME;
	}
	if (name_error != 0) {
		errno = EMFILE;
		return name_error;
	}
	struct addrinfo **end = list;
	for (const char *const *a = name_addresses; *a; a++) {
		*end = make_info(*a, port);
		end = &(*end)->ai_next;
	}
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list->ai_addr);
		free(list);
		list = next;
	}
}

/* ---- helpers --------------------------------------------------------------------------------- */

static int64_t fake_now(void *ctx)
{
	return *(int64_t *)ctx;
}

static int listen_on(const char *address, uint16_t *port)
{
	struct addrinfo *ai = make_info(address, *port);
	int fd = socket(ai->ai_family, SOCK_STREAM, 0);
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, ai->ai_addr, ai->ai_addrlen), 0, "%s", strerror(errno));
	cr_assert_eq(listen(fd, 8), 0);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&sa)->sin6_port
					       : ((struct sockaddr_in *)&sa)->sin_port);
	freeaddrinfo(ai);
	return fd;
}

static struct stream *dial(const char *host, uint16_t port, const struct clock *clock)
{
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	cr_assert_eq(stream_tcp_new(&s, host, port, clock, &e), 0, "%s", e.text);
	return s;
}

/* Connect to the end, sleeping on the stream's own vote. */
static enum stream_status connect_fully(struct stream *s, struct err *e)
{
	struct poller *p = NULL;
	cr_assert_eq(poller_new(&p, NULL, e), 0);
	enum stream_status st;
	while ((st = stream_connect(s, e)) == STREAM_AGAIN) {
		poller_begin(p);
		cr_assert_eq(poller_add(p, s, false, false, e), 0);
		cr_assert_geq(poller_wait(p, DEADLINE_NEVER, e), 0);
	}
	poller_free(p);
	return st;
}

/* ---- connections ----------------------------------------------------------------------------- */

Test(stream_tcp, connects_and_moves_bytes_both_ways_until_the_peer_ends, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("127.0.0.1", port, NULL);
	cr_assert_str_eq(stream_tcp_peer(s), "");
	cr_assert_not(stream_tcp_is_loopback(s));
	cr_assert_eq(connect_fully(s, &e), STREAM_OK, "%s", e.text);
	int peer = accept(l, NULL, NULL);
	char want[64];
	snprintf(want, sizeof(want), "127.0.0.1:%u", port);
	cr_assert_str_eq(stream_tcp_peer(s), want);
	cr_assert(stream_tcp_is_loopback(s));

	char p[16];
	size_t n;
	cr_assert_eq(stream_read(s, p, sizeof(p), &n, &e), STREAM_AGAIN);
	cr_assert_eq(stream_write(s, "ping", 4, &n, &e), STREAM_OK);
	cr_assert_eq(recv(peer, p, 4, MSG_WAITALL), 4);
	cr_assert_arr_eq(p, "ping", 4);
	cr_assert_eq(send(peer, "pong", 4, 0), 4);
	struct stream_wants w;
	stream_wants(s, true, false, &w);
	cr_assert(w.read && !w.write && w.read_fd >= 0 && w.nmore == 0);
	struct pollfd pfd = {.fd = w.read_fd, .events = POLLIN};
	cr_assert_eq(poll(&pfd, 1, 5000), 1);
	cr_assert_eq(stream_read(s, p, sizeof(p), &n, &e), STREAM_OK);
	cr_assert_eq(n, 4);
	close(peer);
	cr_assert_eq(poll(&pfd, 1, 5000), 1);
	cr_assert_eq(stream_read(s, p, sizeof(p), &n, &e), STREAM_END);
	stream_close(s);
	close(l);
}

Test(stream_tcp, sets_up_its_socket_for_a_long_conversation, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("127.0.0.1", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK);
	struct stream_wants w;
	stream_wants(s, true, false, &w);
	static const struct {
		int level, option;
		const char *name;
	} rows[] = {
		{IPPROTO_TCP, TCP_NODELAY, "no delay"}, {SOL_SOCKET, SO_KEEPALIVE, "keep-alive"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int value = 0;
		socklen_t len = sizeof(value);
		cr_assert_eq(getsockopt(w.read_fd, rows[i].level, rows[i].option, &value, &len), 0);
		cr_assert_neq(value, 0, "%s", rows[i].name);
	}
	cr_assert(fcntl(w.read_fd, F_GETFD) & FD_CLOEXEC);
	cr_assert(fcntl(w.read_fd, F_GETFL) & O_NONBLOCK);
	stream_close(s);
	close(l);
}

Test(stream_tcp, a_reset_is_an_error_with_the_name_of_the_peer_and_no_signal, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("127.0.0.1", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK);
	int peer = accept(l, NULL, NULL);
	struct linger hard = {1, 0};
	cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
	close(peer);
	struct stream_wants w;
	stream_wants(s, true, false, &w);
	struct pollfd pfd = {.fd = w.read_fd, .events = POLLIN};
	cr_assert_eq(poll(&pfd, 1, 5000), 1);
	char p[4];
	size_t n;
	cr_assert_eq(stream_read(s, p, sizeof(p), &n, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_NET);
	char want[128];
	snprintf(want, sizeof(want),
		"the connection to 127.0.0.1:%u broke: Connection reset by peer", port);
	cr_assert_str_eq(e.text, want);
	cr_assert_eq(stream_write(s, "x", 1, &n, &e), STREAM_ERROR, "and not SIGPIPE");
	stream_close(s);
	close(l);
}

Test(stream_tcp, a_full_pipe_asks_to_wait_and_votes_for_writing, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("127.0.0.1", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK);
	static char big[65536];
	enum stream_status st;
	size_t n, total = 0;
	while ((st = stream_write(s, big, sizeof(big), &n, &e)) == STREAM_OK)
		total += n;
	cr_assert_eq(st, STREAM_AGAIN);
	cr_assert_gt(total, 0);
	struct stream_wants w;
	stream_wants(s, false, true, &w);
	cr_assert(w.write && !w.read);
	stream_close(s);
	close(l);
}

Test(stream_tcp, says_who_refused_and_where, .timeout = 20)
{
	uint16_t port = 0;
	close(listen_on("127.0.0.1", &port));
	static const struct {
		const char *host;
		const char *addresses[7];
		const char *text; /* %u is the port */
	} rows[] = {
		{"127.0.0.1", {NULL},
			"cannot connect to 127.0.0.1:%u: Connection refused (127.0.0.1)"},
		{"mail.example.org", {"127.0.0.1"},
			"cannot connect to mail.example.org:%u: Connection refused (127.0.0.1)"},
		{"two.example.org", {"127.0.0.1", "127.0.0.2"},
			"cannot connect to two.example.org:%u: Connection refused (127.0.0.1), "
			"Connection refused (127.0.0.2)"},
		{"many.example.org",
			{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"},
			"cannot connect to many.example.org:%u: Connection refused (127.0.0.1), "
			"Connection refused (127.0.0.2), Connection refused (127.0.0.3), Connection "
			"refused (127.0.0.4), ..."},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		name_addresses = rows[i].addresses;
		struct err e = ERR_INIT;
		struct stream *s = dial(rows[i].host, port, NULL);
		cr_assert_eq(connect_fully(s, &e), STREAM_ERROR, "%s", rows[i].host);
		char want[512];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(want, sizeof(want), rows[i].text, port);
#pragma GCC diagnostic pop
		cr_assert_str_eq(e.text, want, "%s", e.text);
		cr_assert_eq(e.code, E_NET);
		cr_assert_eq(e.sys, ECONNREFUSED);
		stream_close(s);
	}
}

Test(stream_tcp, says_that_a_name_cannot_be_found)
{
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	name_error = EAI_NONAME;
	cr_assert_eq(stream_tcp_new(&s, "x.invalid", 993, NULL, &e), -1);
	cr_assert_str_eq(e.text, "cannot find host \"x.invalid\": Name or service not known");
	cr_assert_eq(e.code, E_NET);
	cr_assert_eq(stream_tcp_new(&s, "x\x1b[2J", 993, NULL, &e), -1);
	cr_assert_str_eq(e.text, "cannot find host \"x\\u{1B}[2J\": Name or service not known");
	name_error = EAI_SYSTEM;
	cr_assert_eq(stream_tcp_new(&s, "x.invalid", 993, NULL, &e), -1);
	cr_assert_str_eq(e.text, "cannot find host \"x.invalid\": Too many open files");
	cr_assert_eq(stream_tcp_new(&s, "", 993, NULL, &e), -1);
	cr_assert_eq(e.code, E_CONFIG);
}

/* ---- several addresses ----------------------------------------------------------------------- */

/*
 * A listener that answers nothing: its queue is full, so that further connections hang. false where
 * the system behaves otherwise.
 */
static bool make_silent(int listener, const char *address, uint16_t port, int filler[16])
{
	cr_assert_eq(listen(listener, 0), 0);
	struct addrinfo *ai = make_info(address, port);
	bool silent = false;
	for (int i = 0; i < 16; i++) {
		filler[i] = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(filler[i], ai->ai_addr, ai->ai_addrlen) == 0)
			continue;
		struct pollfd pfd = {.fd = filler[i], .events = POLLOUT};
		silent = poll(&pfd, 1, 50) == 0;
	}
	freeaddrinfo(ai);
	return silent;
}

Test(stream_tcp, tries_the_next_address_at_once_when_one_refuses, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.2", &port);
	static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", NULL};
	name_addresses = addresses;
	int64_t now = 0; /* which never moves: no waiting is needed */
	struct clock clock = {fake_now, &now};
	struct err e = ERR_INIT;
	struct stream *s = dial("two.example.org", port, &clock);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK, "%s", e.text);
	cr_assert_eq(strncmp(stream_tcp_peer(s), "127.0.0.2:", 10), 0);
	stream_close(s);
	close(l);
}

Test(stream_tcp, starts_a_second_attempt_beside_a_silent_one_and_the_first_to_answer_wins,
	.timeout = 20)
{
	uint16_t port = 0;
	int silent = listen_on("127.0.0.1", &port), good = listen_on("127.0.0.2", &port);
	int filler[16];
	if (!make_silent(silent, "127.0.0.1", port, filler))
		cr_skip_test("a full listen queue does not hang connections here");
	static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", NULL};
	name_addresses = addresses;
	int64_t now = 1000;
	struct clock clock = {fake_now, &now};
	struct err e = ERR_INIT;
	struct stream *s = dial("two.example.org", port, &clock);
	cr_assert_eq(stream_connect(s, &e), STREAM_AGAIN);
	struct stream_wants w;
	stream_wants(s, true, true, &w);
	cr_assert_eq(w.nmore, 1, "one attempt in flight");
	cr_assert_eq(w.deadline, 1000 + TCP_ATTEMPT_MS);

	now += TCP_ATTEMPT_MS - 1;
	cr_assert_eq(stream_connect(s, &e), STREAM_AGAIN);
	stream_wants(s, true, true, &w);
	cr_assert_eq(w.nmore, 1, "not yet");

	now += 1;
	cr_assert_neq(stream_connect(s, &e), STREAM_ERROR, "%s", e.text);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK, "%s", e.text);
	cr_assert_eq(strncmp(stream_tcp_peer(s), "127.0.0.2:", 10), 0);
	stream_wants(s, true, false, &w);
	cr_assert_eq(w.nmore, 0, "the loser is closed");
	stream_close(s);
	for (int i = 0; i < 16; i++)
		close(filler[i]);
	close(silent);
	close(good);
}

Test(stream_tcp, goes_on_at_once_after_a_refusal_while_another_attempt_is_silent, .timeout = 20)
{
	uint16_t port = 0;
	int silent = listen_on("127.0.0.1", &port), good = listen_on("127.0.0.3", &port);
	int filler[16];
	if (!make_silent(silent, "127.0.0.1", port, filler))
		cr_skip_test("a full listen queue does not hang connections here");
	static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", NULL};
	name_addresses = addresses;
	int64_t now = 1000;
	struct clock clock = {fake_now, &now};
	struct err e = ERR_INIT;
	int lowest = dup(0);
	close(lowest);
	struct stream *s = dial("three.example.org", port, &clock);
	cr_assert_eq(stream_connect(s, &e), STREAM_AGAIN);
	now += TCP_ATTEMPT_MS;
	cr_assert_eq(connect_fully(s, &e), STREAM_OK, "%s", e.text);
	cr_assert_eq(strncmp(stream_tcp_peer(s), "127.0.0.3:", 10), 0);
	int again = dup(0);
	close(again);
	cr_assert_eq(again, lowest, "the silent attempt was left open");
	stream_close(s);
	for (int i = 0; i < 16; i++)
		close(filler[i]);
	close(silent);
	close(good);
}

Test(stream_tcp, gives_up_when_the_time_for_all_addresses_has_passed, .timeout = 20)
{
	uint16_t port = 0;
	int silent = listen_on("127.0.0.1", &port);
	int filler[16];
	if (!make_silent(silent, "127.0.0.1", port, filler))
		cr_skip_test("a full listen queue does not hang connections here");
	static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", NULL};
	name_addresses = addresses;
	int64_t now = 1000;
	struct clock clock = {fake_now, &now};
	struct err e = ERR_INIT;
	struct stream *s = dial("slow.example.org", port, &clock);
	cr_assert_eq(stream_connect(s, &e), STREAM_AGAIN);
	now += TCP_CONNECT_MS - 1;
	enum stream_status st;
	/* The second address refuses; whether at once or a moment later is the system's choice. */
	struct stream_wants w;
	do {
		st = stream_connect(s, &e);
		stream_wants(s, true, true, &w);
	} while (st == STREAM_AGAIN && w.nmore > 1);
	cr_assert_eq(st, STREAM_AGAIN);
	now += 1;
	cr_assert_eq(stream_connect(s, &e), STREAM_ERROR);
	cr_assert_eq(e.code, E_TIMEOUT);
	char want[256];
	snprintf(want, sizeof(want),
		"cannot connect to slow.example.org:%u: no answer in 30 s (127.0.0.1), Connection "
		"refused (127.0.0.2)",
		port);
	cr_assert_str_eq(e.text, want, "%s", e.text);
	stream_close(s);
	for (int i = 0; i < 16; i++)
		close(filler[i]);
	close(silent);
}

Test(stream_tcp, alternates_the_families_and_stops_at_the_limit_of_addresses, .timeout = 20)
{
	uint16_t port = 0;
	close(listen_on("127.0.0.1", &port));
	/* No ::1 service either way: refused, or IPv6 is not there at all. */
	static const char *const mixed[] = {"::1", "::1", "::1", "127.0.0.1", "127.0.0.2", NULL};
	name_addresses = mixed;
	struct err e = ERR_INIT;
	struct stream *s = dial("mixed.example.org", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_ERROR);
	const char *a = strstr(e.text, "(::1)"), *b = strstr(e.text, "(127.0.0.1)");
	const char *c = strstr(e.text, "(127.0.0.2)");
	cr_assert(a && b && c && a < b && b < strstr(a + 1, "(::1)") && strstr(a + 1, "(::1)") < c,
		"%s", e.text);
	stream_close(s);

	const char *many[TCP_ADDRESSES_MAX + 2];
	for (int extra = 0; extra <= 1; extra++) {
		/* The only good address is the last one: at the limit it is tried, beyond it is
		 * not. */
		int n = TCP_ADDRESSES_MAX + extra;
		for (int i = 0; i < n - 1; i++)
			many[i] = "127.0.0.1";
		many[n - 1] = "127.0.0.2";
		many[n] = NULL;
		name_addresses = many;
		int l = listen_on("127.0.0.2", &port);
		s = dial("many.example.org", port, NULL);
		cr_assert_eq(
			connect_fully(s, &e), extra ? STREAM_ERROR : STREAM_OK, "%d addresses", n);
		stream_close(s);
		close(l);
	}
}

Test(stream_tcp, connects_over_ipv6_and_shows_brackets, .timeout = 20)
{
	int probe = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	if (probe < 0 || bind(probe, (struct sockaddr *)&any, sizeof(any)) < 0)
		cr_skip_test("no IPv6 loopback here");
	close(probe);
	uint16_t port = 0;
	int l = listen_on("::1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("::1", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_OK, "%s", e.text);
	cr_assert(stream_tcp_is_loopback(s));
	cr_assert_eq(strncmp(stream_tcp_peer(s), "[::1]:", 6), 0, "%s", stream_tcp_peer(s));
	stream_close(s);
	close(l);
	s = dial("::1", port, NULL);
	cr_assert_eq(connect_fully(s, &e), STREAM_ERROR);
	cr_assert_eq(strncmp(e.text, "cannot connect to [::1]:", 24), 0, "%s", e.text);
	stream_close(s);
}

Test(stream_tcp, the_low_water_mark_lets_a_reader_sleep_until_enough_is_there, .timeout = 20)
{
	uint16_t port = 0;
	int l = listen_on("127.0.0.1", &port);
	struct err e = ERR_INIT;
	struct stream *s = dial("127.0.0.1", port, NULL);
	cr_assert_not(stream_tcp_lowat(s, 100), "not before it is connected");
	cr_assert_eq(connect_fully(s, &e), STREAM_OK);
	int peer = accept(l, NULL, NULL);
	if (!stream_tcp_lowat(s, 100))
		cr_skip_test("no SO_RCVLOWAT here");
	struct stream_wants w;
	stream_wants(s, true, false, &w);
	int value = 0;
	socklen_t len = sizeof(value);
	cr_assert_eq(getsockopt(w.read_fd, SOL_SOCKET, SO_RCVLOWAT, &value, &len), 0);
	cr_assert_eq(value, 100);
	cr_assert(stream_tcp_lowat(s, 0));
	cr_assert_eq(getsockopt(w.read_fd, SOL_SOCKET, SO_RCVLOWAT, &value, &len), 0);
	cr_assert_eq(value, 1);
	stream_close(s);
	close(peer);
	close(l);
}

Test(stream_tcp, other_streams_have_no_peer_and_no_low_water_mark)
{
	struct err e = ERR_INIT;
	struct stream *s = NULL;
	cr_assert_eq(stream_memory_new(&s, &e), 0);
	cr_assert_str_eq(stream_tcp_peer(s), "");
	cr_assert_not(stream_tcp_is_loopback(s));
	cr_assert_not(stream_tcp_lowat(s, 1));
	cr_assert_eq(stream_process_status(s), -1);
	stream_close(s);
}
