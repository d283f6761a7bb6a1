/* SPDX-License-Identifier: MIT */
/*
 * fault_vfs.h -- SQLite's own file operations, failing on demand: a VFS in front of the default one.
 *
 * One for the whole process, since SQLite's list of VFSes is.
 */
#ifndef TESTS_SUPPORT_FAULT_VFS_H
#define TESTS_SUPPORT_FAULT_VFS_H

#include <stdbool.h>

bool fault_vfs_install(void); /* becomes the default for databases opened from now on */
void fault_vfs_remove(void);

/* From now on: the count is at zero, and operation number nth (open, delete, read, write, truncate, sync)
 * fails with this result code of SQLite; 0 = none. at_fault, if any, is called then. */
void fault_vfs_fail(unsigned long nth, int rc, void (*at_fault)(void));
unsigned long fault_vfs_calls(void);
bool fault_vfs_failed(void);

#endif
