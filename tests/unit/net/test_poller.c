/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/net/poller.h"

/* A bottom layer with a vote that the test decides. */
struct voter {
	struct stream s;
	struct stream_wants vote;
	bool pending;
};

static void voter_wants(const struct stream *s, bool reading, bool writing, struct stream_wants *w)
{
	const struct voter *v = (const struct voter *)s;
	*w = v->vote;
	w->read = reading;
	w->write = writing;
}

static bool voter_pending(const struct stream *s)
{
	return ((const struct voter *)s)->pending;
}

static const struct stream_ops voter_ops = {
	.name = "voter", .wants = voter_wants, .pending = voter_pending};

static struct voter voter(int fd)
{
	return (struct voter){.s = {&voter_ops, NULL},
		.vote = {.read_fd = fd, .write_fd = fd, .deadline = DEADLINE_NEVER}};
}

static int64_t fake_now(void *ctx)
{
	return *(int64_t *)ctx;
}

static struct poller *open_poller(const struct clock *clock)
{
	struct err e = ERR_INIT;
	struct poller *p = NULL;
	cr_assert_eq(poller_new(&p, clock, &e), 0, "%s", e.text);
	poller_begin(p);
	return p;
}

static int add(struct poller *p, const struct voter *v, bool reading, bool writing)
{
	struct err e = ERR_INIT;
	int slot = poller_add(p, &v->s, reading, writing, &e);
	cr_assert_geq(slot, 0, "%s", e.text);
	return slot;
}

static int wait_for(struct poller *p, int64_t deadline)
{
	struct err e = ERR_INIT;
	int n = poller_wait(p, deadline, &e);
	cr_assert_geq(n, 0, "%s", e.text);
	return n;
}

Test(poller, tells_which_streams_are_ready, .timeout = 10)
{
	int a[2], b[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
	struct voter va = voter(a[0]), vb = voter(b[0]);
	struct poller *p = open_poller(NULL);
	cr_assert_eq(write(b[1], "x", 1), 1);
	int sa = add(p, &va, true, false), sb = add(p, &vb, true, false);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 1);
	cr_assert_not(poller_ready(p, sa));
	cr_assert(poller_ready(p, sb));
	cr_assert_not(poller_ready(p, -1));
	cr_assert_not(poller_ready(p, 2));
	poller_begin(p);
	sa = add(p, &va, false, true);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 1, "writing is possible");
	cr_assert(poller_ready(p, sa));
	poller_free(p);
	for (int i = 0; i < 2; i++)
		close(a[i]), close(b[i]);
}

Test(poller, a_stream_with_pending_bytes_is_ready_at_once_and_starves_no_other, .timeout = 10)
{
	int a[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	cr_assert_eq(write(a[1], "x", 1), 1);
	struct voter busy = voter(-1), other = voter(a[0]);
	busy.pending = true;
	struct poller *p = open_poller(NULL);
	int s1 = add(p, &busy, true, false), s2 = add(p, &other, true, false);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 2);
	cr_assert(poller_ready(p, s1) && poller_ready(p, s2));
	poller_begin(p);
	(void)add(p, &busy, true, false);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 1, "and without the other it does not sleep");

	int64_t now = 100;
	struct clock clock = {fake_now, &now};
	struct poller *q = open_poller(&clock);
	(void)add(q, &busy, false, false);
	cr_assert_eq(wait_for(q, 100), 0, "nobody asked to read");
	poller_free(q);
	poller_free(p);
	close(a[0]);
	close(a[1]);
}

Test(poller, returns_nothing_when_the_deadline_has_passed, .timeout = 10)
{
	int64_t now = 100;
	struct clock clock = {fake_now, &now};
	struct poller *p = open_poller(&clock);
	cr_assert_eq(wait_for(p, 100), 0);
	cr_assert_eq(wait_for(p, 50), 0);
	cr_assert_eq(wait_for(p, 102), 0, "two milliseconds by the system's clock");
	cr_assert_not(poller_woken(p));
	poller_free(p);
}

Test(poller, a_streams_own_deadline_makes_its_slot_ready, .timeout = 10)
{
	int64_t now = 100;
	struct clock clock = {fake_now, &now};
	struct poller *p = open_poller(&clock);
	struct voter early = voter(-1), late = voter(-1);
	early.vote.deadline = 100;
	late.vote.deadline = 101;
	int s1 = add(p, &early, true, false), s2 = add(p, &late, true, false);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 1);
	cr_assert(poller_ready(p, s1));
	cr_assert_not(poller_ready(p, s2));
	poller_free(p);
}

Test(poller, polls_the_further_descriptors_of_a_vote_for_writing, .timeout = 10)
{
	int a[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	struct voter v = voter(-1);
	v.vote.more_fd = a;
	v.vote.nmore = 2;
	struct poller *p = open_poller(NULL);
	int slot = add(p, &v, true, false);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 1);
	cr_assert(poller_ready(p, slot));
	poller_free(p);
	close(a[0]);
	close(a[1]);
}

Test(poller, a_hang_up_of_a_stream_that_wants_nothing_does_not_wake, .timeout = 10)
{
	int a[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	close(a[1]);
	struct voter v = voter(a[0]);
	int64_t now = 0;
	struct clock clock = {fake_now, &now};
	struct poller *p = open_poller(&clock);
	(void)add(p, &v, false, false);
	cr_assert_eq(wait_for(p, 0), 0);
	poller_begin(p);
	(void)add(p, &v, true, false);
	cr_assert_eq(wait_for(p, 0), 1, "but it does wake a reader");
	poller_free(p);
	close(a[0]);
}

Test(poller, reads_and_writes_on_two_descriptors, .timeout = 10)
{
	int in[2], out[2];
	cr_assert_eq(pipe(in), 0);
	cr_assert_eq(pipe(out), 0);
	struct voter v = voter(-1);
	v.vote.read_fd = in[0];
	v.vote.write_fd = out[1];
	int64_t now = 0;
	struct clock clock = {fake_now, &now};
	struct poller *p = open_poller(&clock);
	(void)add(p, &v, true, false);
	cr_assert_eq(wait_for(p, 0), 0);
	poller_begin(p);
	(void)add(p, &v, true, true);
	cr_assert_eq(wait_for(p, 0), 1);
	cr_assert_eq(write(in[1], "x", 1), 1);
	poller_begin(p);
	(void)add(p, &v, true, false);
	cr_assert_eq(wait_for(p, 0), 1);
	poller_free(p);
	for (int i = 0; i < 2; i++)
		close(in[i]), close(out[i]);
}

Test(poller, holds_many_streams, .timeout = 10)
{
	enum { MANY = 300 };
	static struct voter v[MANY];
	int a[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
	struct poller *p = open_poller(NULL);
	for (int i = 0; i < MANY; i++) {
		v[i] = voter(a[0]);
		cr_assert_eq(add(p, &v[i], true, i % 2 == 1), i);
	}
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), MANY / 2);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(poller_ready(p, i), i % 2 == 1, "slot %d", i);
	poller_free(p);
	close(a[0]);
	close(a[1]);
}

Test(poller, sleeps_again_after_a_wake_up, .timeout = 10)
{
	struct poller *p = open_poller(NULL);
	poller_wake(p);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 0);
	int64_t until = clock_deadline(NULL, 30);
	cr_assert_eq(wait_for(p, until), 0);
	cr_assert_geq(clock_now(NULL), until, "the old wake-up was still there");
	poller_free(p);
}

/* ---- waking up ------------------------------------------------------------------------------- */

static struct poller *to_wake;

static void on_alarm(int sig)
{
	(void)sig;
	poller_wake(to_wake);
}

static void on_alarm_nothing(int sig)
{
	(void)sig;
}

static void alarm_in_ms(void (*handler)(int), int ms)
{
	struct sigaction sa = {.sa_handler = handler};
	cr_assert_eq(sigaction(SIGALRM, &sa, NULL), 0);
	struct itimerval it = {.it_value = {.tv_usec = ms * 1000}};
	cr_assert_eq(setitimer(ITIMER_REAL, &it, NULL), 0);
}

Test(poller, is_woken_by_a_signal_handler, .timeout = 10)
{
	struct poller *p = to_wake = open_poller(NULL);
	alarm_in_ms(on_alarm, 20);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 0);
	cr_assert(poller_woken(p));
	cr_assert_not(poller_woken(p), "true once");
	poller_free(p);
}

Test(poller, an_interrupted_wait_counts_as_a_wake_up, .timeout = 10)
{
	struct poller *p = open_poller(NULL);
	alarm_in_ms(on_alarm_nothing, 20);
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 0);
	cr_assert_not(poller_woken(p));
	poller_free(p);
}

static void *wake_thread(void *ctx)
{
	poller_wake(ctx);
	return NULL;
}

Test(poller, is_woken_by_a_thread_whether_before_or_during_the_wait, .timeout = 10)
{
	struct poller *p = open_poller(NULL);
	for (int i = 0; i < 50; i++) {
		pthread_t t;
		cr_assert_eq(pthread_create(&t, NULL, wake_thread, p), 0);
		cr_assert_eq(wait_for(p, DEADLINE_NEVER), 0);
		cr_assert_eq(pthread_join(t, NULL), 0);
		cr_assert(poller_woken(p));
	}
	poller_free(p);
}

Test(poller, many_wake_ups_are_one, .timeout = 30)
{
	int64_t now = 0;
	struct clock clock = {fake_now, &now};
	struct poller *p = open_poller(&clock);
	for (int i = 0; i < 100000; i++)
		poller_wake(p); /* more than a pipe holds: must not block */
	cr_assert_eq(wait_for(p, DEADLINE_NEVER), 0);
	cr_assert(poller_woken(p));
	cr_assert_eq(wait_for(p, 0), 0);
	cr_assert_not(poller_woken(p));
	poller_free(p);
	poller_free(NULL);
}
