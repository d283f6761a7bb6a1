/* SPDX-License-Identifier: MIT */
/* writeback.c -- see writeback.h. */
#include "core/base/writeback.h"

#include <fcntl.h>

void writeback_begin(int fd, uint64_t from, uint64_t n)
{
#if defined(SYNC_FILE_RANGE_WRITE)
	(void)sync_file_range(fd, (off_t)from, (off_t)n, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
	(void)from;
	(void)n;
#endif
}
