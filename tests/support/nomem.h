/* SPDX-License-Identifier: MIT */
/*
 * nomem.h -- malloc() whose n-th call fails, and the number of blocks that were not freed. It defines malloc, calloc, realloc and
 * free, so one file of a program includes it, once.
 *
 * The address sanitizer brings its own malloc(); with it nothing fails, nothing is counted, and SANITIZED is defined.
 */
#ifndef TESTS_SUPPORT_NOMEM_H
#define TESTS_SUPPORT_NOMEM_H

#include <stdbool.h>
#include <stdlib.h>

#if defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define SANITIZED 1
#	endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#	define SANITIZED 1
#endif

static long countdown;	 /* 0: never; 1: the next one fails, while `failing` */
static long outstanding; /* blocks allocated and not freed, while `counting` */
static bool counting, failing;

#ifndef SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void __libc_free(void *p);

static bool fails(void)
{
	return failing && countdown > 0 && --countdown == 0;
}

static void *counted(void *p)
{
	outstanding += counting && p != NULL;
	return p;
}

void *malloc(size_t n)
{
	return fails() ? NULL : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (p == NULL)
		return malloc(n);
	return fails() ? NULL : __libc_realloc(p, n);
}

void free(void *p)
{
	outstanding -= counting && p != NULL;
	__libc_free(p);
}
#endif

#endif
