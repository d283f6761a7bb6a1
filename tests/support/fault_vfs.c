/* SPDX-License-Identifier: MIT */
/*
 * fault_vfs.c -- see fault_vfs.h.
 */
#include "tests/support/fault_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	unsigned long nth, calls;
	int rc;
	bool failed;
	void (*at_fault)(void);
} fault;

/* The real file lies behind this one in the same memory. */
struct shim {
	sqlite3_file base;
	sqlite3_file *real;
};

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct shim *)f)->real;
}

static bool fails(void)
{
	if (++fault.calls != fault.nth)
		return false;
	fault.failed = true;
	if (fault.at_fault != NULL)
		fault.at_fault();
	return true;
}

static int shim_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	return fails() ? fault.rc : real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	return fails() ? fault.rc : real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return fails() ? fault.rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	return fails() ? fault.rc : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int shim_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int shim_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int shim_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int shim_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int shim_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int shim_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int shim_device(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_reserved,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_device,
};

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct shim *s = (struct shim *)f;
	(void)vfs;
	s->base.pMethods = NULL;
	s->real = (sqlite3_file *)(s + 1);
	if (fails())
		return (fault.rc & 0xff) == SQLITE_FULL ? SQLITE_CANTOPEN : fault.rc;
	int rc = fault.real->xOpen(fault.real, name, s->real, flags, out);
	if (rc == SQLITE_OK)
		s->base.pMethods = &methods;
	return rc;
}

static int shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	return fails() ? fault.rc : fault.real->xDelete(fault.real, name, sync);
}

bool fault_vfs_install(void)
{
	fault.real = sqlite3_vfs_find(NULL);
	if (fault.real == NULL)
		return false;
	fault.vfs = *fault.real;
	fault.vfs.pNext = NULL;
	fault.vfs.zName = "fault";
	fault.vfs.szOsFile = (int)sizeof(struct shim) + fault.real->szOsFile;
	fault.vfs.xOpen = shim_open;
	fault.vfs.xDelete = shim_delete;
	fault_vfs_fail(0, 0, NULL);
	return sqlite3_vfs_register(&fault.vfs, 1) == SQLITE_OK;
}

void fault_vfs_remove(void)
{
	sqlite3_vfs_unregister(&fault.vfs);
}

void fault_vfs_fail(unsigned long nth, int rc, void (*at_fault)(void))
{
	fault.nth = nth;
	fault.calls = 0;
	fault.rc = rc;
	fault.failed = false;
	fault.at_fault = at_fault;
}

unsigned long fault_vfs_calls(void)
{
	return fault.calls;
}

bool fault_vfs_failed(void)
{
	return fault.failed;
}
