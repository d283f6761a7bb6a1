/* SPDX-License-Identifier: MIT */
/*
 * no_git2.c -- stands in for libgit2, which Criterion uses to print differences of its own kind of assertion; no test here
 * has one.
 *
 * The real library brings a dozen others with it and reads the certificates of the system whenever it starts. Each test is a
 * process, so that this was more than half of what a run of the unit tests cost. tests/run-unit puts this in its place.
 */
int git_libgit2_init(void);
int git_libgit2_shutdown(void);
int git_diff_buffers(void);

int git_libgit2_init(void)
{
	return 1;
}

int git_libgit2_shutdown(void)
{
	return 0;
}

int git_diff_buffers(void)
{
	return -1;
}
