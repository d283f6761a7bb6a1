/* SPDX-License-Identifier: MIT */
/* writeback.h -- a hint to the system that a large file is going to be flushed. */
#ifndef CORE_BASE_WRITEBACK_H
#define CORE_BASE_WRITEBACK_H

#include <stdint.h>

/*
 * These bytes of the file are complete: begin to write them to the disk, without waiting. The fsync() at the end, which is
 * needed all the same, then has little left to do. Nothing happens where the system has no such call, or for what is no file;
 * errors are left for fsync() to report.
 */
void writeback_begin(int fd, uint64_t from, uint64_t n);

#endif
