/* SPDX-License-Identifier: MIT */
/* thread.h -- starting a thread that works for another one. */
#ifndef CORE_BASE_THREAD_H
#define CORE_BASE_THREAD_H

#include <pthread.h>

#include "core/base/err.h"

/* Like pthread_create(), with all signals blocked in the new thread: a handler has to run in the one that waits in system
 * calls, to interrupt them. 0, or an error number; then there is no thread. */
int thread_start(pthread_t *out, void *(*run)(void *ctx), void *ctx) NODISCARD;

#endif
