/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recorder: what a program does to the files below a directory, in order, for tests/tools/crashstates.
 *
 *   LD_PRELOAD=recorder.so ERA_RECORD_DIR=DIR ERA_RECORD_LOG=FILE COMMAND...
 *
 * It stands in place of the functions of the C library through which files change and become durable. Each of them that
 * reaches below DIR, of any thread or child, becomes a record of FILE; the log is locked while one is done, so the order
 * in it is the order in which it happened. Files are named by their inode: a rename between a write and its fsync changes nothing. With
 * ERA_RECORD_DIE=N a process ends by SIGKILL behind its Nth rename, link or mkdir.
 *
 * A record is a line "OP PID A B C D LEN", LEN bytes, and a newline:
 *
 *	WRITE   inode offset mtime 0          the bytes
 *	TRUNC   inode size mtime 0
 *	PUNCH   inode offset mtime length
 *	CREATE  directory inode mode 0        name; MKDIR the same
 *	LINK    directory inode 0 0           name; UNLINK and RMDIR the same
 *	RENAME  from-directory inode directory 0   name, NUL, new name
 *	FSYNC   inode 0 0 0                   who called: "FILE+OFFSET" of each frame, innermost first
 *	SYNCFS  0 0 0 0
 *	OTHER   inode 0 0 0                   the name of a call that is not known here
 *
 * Times are nanoseconds. It does not see what is written through mmap or by stdio; crashstates compares where the records lead
 * with what is there, so that nothing is missed without a word.
 */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <stdarg.h>
#include <sys/uio.h>

#include "recorder_log.h"

#define EXPORT	    __attribute__((visibility("default")))
#define ALSO(name) __attribute__((alias(name), visibility("default")))
#define FRAMES_MAX 24

/* Open */

static int do_open(int at, const char *path, int flags, mode_t mode)
{
	struct place p = {.fd = -1};
	uint64_t inode;
	uint64_t time;
	int log;
	int fd;

	if (flags & (O_CREAT | O_TRUNC))
		look(&p, at, path);
	if (p.fd < 0)
		return (int)syscall(SYS_openat, at, path, flags, mode);
	log = begin();
	leave(&p);
	look(&p, at, path);
	fd = (int)syscall(SYS_openat, at, path, flags, mode);
	if (fd >= 0) {
		time = mtime(fd, &inode);
		if (!p.there)
			RECORD(log, "CREATE", p.name, strlen(p.name), p.dir, inode, mode);
		else if ((flags & O_TRUNC) && p.size > 0)
			RECORD(log, "TRUNC", NULL, 0, inode, 0, time);
	}
	end(log);
	leave(&p);
	return fd;
}

#define MODE(flags, mode)                       \
	if ((flags) & O_CREAT) {                \
		va_list ap;                     \
		va_start(ap, flags);            \
		mode = va_arg(ap, unsigned int); \
		va_end(ap);                     \
	}

EXPORT int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE(flags, mode)
	return do_open(AT_FDCWD, path, flags, mode);
}

EXPORT int openat(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE(flags, mode)
	return do_open(at, path, flags, mode);
}

EXPORT int creat(const char *path, mode_t mode)
{
	return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int open64(const char *path, int flags, ...) ALSO("open");
int openat64(int at, const char *path, int flags, ...) ALSO("openat");
int creat64(const char *path, mode_t mode) ALSO("creat");
int __open_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __open64_2(const char *path, int flags) ALSO("__open_2");
int __openat64_2(int at, const char *path, int flags) ALSO("__openat_2");

EXPORT int __open_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat_2(int at, const char *path, int flags)
{
	return do_open(at, path, flags, 0);
}

/* Content */

/* Behind the call: n bytes of iov went to off; a negative off: to where fd stands behind them. */
static void wrote(int log, int fd, const struct iovec *iov, ssize_t n, off_t off)
{
	uint64_t inode;
	const uint64_t time = mtime(fd, &inode);
	const uint64_t at = (uint64_t)(off >= 0 ? off : lseek(fd, 0, SEEK_CUR) - n);
	uint8_t *bytes = malloc((size_t)n + 1);
	size_t used = 0;
	size_t len;

	if (!bytes)
		abort();
	for (; used < (size_t)n; iov++) {
		len = iov->iov_len < (size_t)n - used ? iov->iov_len : (size_t)n - used;
		memcpy(bytes + used, iov->iov_base, len);
		used += len;
	}
	RECORD(log, "WRITE", bytes, used, inode, at, time);
	free(bytes);
}

static ssize_t do_write(int fd, const struct iovec *iov, int nr, off_t off, int flags)
{
	int log = fd_below(fd) ? begin() : -1;
	ssize_t n;

	if (off < 0)
		n = syscall(SYS_writev, fd, iov, nr);
	else
		n = syscall(SYS_pwritev2, fd, iov, nr, (unsigned long)off, 0ul, flags);
	if (log < 0)
		return n;
	if (n > 0)
		wrote(log, fd, iov, n, off);
	end(log);
	return n;
}

EXPORT ssize_t write(int fd, const void *buf, size_t len)
{
	const struct iovec iov = {(void *)buf, len};

	return do_write(fd, &iov, 1, -1, 0);
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int nr)
{
	return do_write(fd, iov, nr, -1, 0);
}

EXPORT ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	const struct iovec iov = {(void *)buf, len};

	return do_write(fd, &iov, 1, off, 0);
}

EXPORT ssize_t pwritev(int fd, const struct iovec *iov, int nr, off_t off)
{
	return do_write(fd, iov, nr, off, 0);
}

EXPORT ssize_t pwritev2(int fd, const struct iovec *iov, int nr, off_t off, int flags)
{
	return do_write(fd, iov, nr, off, flags);
}

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off) ALSO("pwrite");
ssize_t pwritev64(int fd, const struct iovec *iov, int nr, off64_t off) ALSO("pwritev");
ssize_t pwritev64v2(int fd, const struct iovec *iov, int nr, off64_t off, int flags) ALSO("pwritev2");

EXPORT int ftruncate(int fd, off_t size)
{
	const int log = fd_below(fd) ? begin() : -1;
	const int rc = (int)syscall(SYS_ftruncate, fd, size);
	uint64_t inode;
	uint64_t time;

	if (log < 0)
		return rc;
	time = mtime(fd, &inode);
	if (rc == 0)
		RECORD(log, "TRUNC", NULL, 0, inode, (uint64_t)size, time);
	end(log);
	return rc;
}

int ftruncate64(int fd, off64_t size) ALSO("ftruncate");

EXPORT int fallocate(int fd, int mode, off_t off, off_t len)
{
	const int log = fd_below(fd) ? begin() : -1;
	const int rc = (int)syscall(SYS_fallocate, fd, mode, off, len);
	uint64_t inode;
	uint64_t time;

	if (log < 0)
		return rc;
	time = mtime(fd, &inode);
	if (rc == 0 && mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		RECORD(log, "PUNCH", NULL, 0, inode, (uint64_t)off, time, (uint64_t)len);
	else if (rc == 0)
		RECORD(log, "OTHER", "fallocate", 9, inode);
	end(log);
	return rc;
}

int fallocate64(int fd, int mode, off64_t off, off64_t len) ALSO("fallocate");

EXPORT ssize_t copy_file_range(int in, off_t *in_off, int out, off_t *out_off, size_t len, unsigned int flags)
{
	int log;

	if (fd_below(out)) {
		log = begin();
		RECORD(log, "OTHER", "copy_file_range", 15, 0);
		end(log);
	}
	return syscall(SYS_copy_file_range, in, in_off, out, out_off, len, flags);
}

/* Durable */

static size_t callers(char *text, size_t size)
{
	void *frames[FRAMES_MAX];
	const int n = backtrace(frames, FRAMES_MAX);
	size_t used = 0;
	Dl_info in;
	Dl_info self;
	int i;

	dladdr((void *)(uintptr_t)callers, &self);
	for (i = 0; i < n && used + PATH_MAX < size; i++) {
		if (!dladdr(frames[i], &in) || in.dli_fbase == self.dli_fbase || strstr(in.dli_fname, "/libc.so"))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%s+%#lx", used ? " " : "",
					 strchr(in.dli_fname, '/') ? in.dli_fname : program,
					 (unsigned long)((char *)frames[i] - (char *)in.dli_fbase - 1));
	}
	return used;
}

static int do_sync(int fd, long call)
{
	static __thread char text[8 * PATH_MAX];
	const int log = fd_below(fd) ? begin() : -1;
	const int rc = (int)syscall(call, fd);
	uint64_t inode;

	if (log < 0)
		return rc;
	mtime(fd, &inode);
	if (rc == 0)
		RECORD(log, call == SYS_syncfs ? "SYNCFS" : "FSYNC", text, callers(text, sizeof(text)), inode);
	end(log);
	return rc;
}

EXPORT int fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

EXPORT int syncfs(int fd)
{
	return do_sync(fd, SYS_syncfs);
}

/* Names */

static int do_rename(int at, const char *from, int to_at, const char *to, unsigned int flags)
{
	char names[2 * NAME_MAX + 2];
	struct place a;
	struct place b;
	size_t n;
	int log;
	int rc;

	look(&a, at, from);
	look(&b, to_at, to);
	if (a.fd < 0 && b.fd < 0)
		return (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
	log = begin();
	rc = (int)syscall(SYS_renameat2, at, from, to_at, to, flags);
	n = (size_t)snprintf(names, sizeof(names), "%s%c%s", a.name, 0, b.name);
	if (rc == 0 && (a.fd < 0 || b.fd < 0 || (flags & RENAME_EXCHANGE)))
		RECORD(log, "OTHER", "rename", 6, a.inode);
	else if (rc == 0)
		RECORD(log, "RENAME", names, n, a.dir, a.inode, b.dir);
	end(log);
	leave(&a);
	leave(&b);
	return rc;
}

EXPORT int rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int at, const char *from, int to_at, const char *to)
{
	return do_rename(at, from, to_at, to, 0);
}

EXPORT int renameat2(int at, const char *from, int to_at, const char *to, unsigned int flags)
{
	return do_rename(at, from, to_at, to, flags);
}

/* A name that comes or goes by a call that has been prepared: the record has the inode of before or of behind it. */
static int do_name(const char *op, int at, const char *path, uint64_t mode, long call, const long arg[5])
{
	const bool comes = op[0] != 'U' && op[0] != 'R';
	struct place p;
	int log;
	int rc;

	look(&p, at, path);
	log = p.fd >= 0 ? begin() : -1;
	rc = (int)syscall(call, arg[0], arg[1], arg[2], arg[3], arg[4]);
	if (log >= 0) {
		if (rc == 0 && comes)
			look_again(&p);
		if (rc == 0)
			RECORD(log, op, p.name, strlen(p.name), p.dir, p.inode, mode);
		end(log);
	}
	leave(&p);
	return rc;
}

#define NAME(op, at, path, mode, call, ...) do_name(op, at, path, mode, call, (const long[5]){__VA_ARGS__})

EXPORT int linkat(int at, const char *from, int to_at, const char *to, int flags)
{
	return NAME("LINK", to_at, to, 0, SYS_linkat, at, (long)from, to_at, (long)to, flags);
}

EXPORT int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int unlinkat(int at, const char *path, int flags)
{
	return NAME(flags & AT_REMOVEDIR ? "RMDIR" : "UNLINK", at, path, 0, SYS_unlinkat, at, (long)path, flags);
}

EXPORT int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

EXPORT int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

EXPORT int mkdirat(int at, const char *path, mode_t mode)
{
	return NAME("MKDIR", at, path, mode, SYS_mkdirat, at, (long)path, (long)mode);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

EXPORT int symlinkat(const char *target, int at, const char *path)
{
	return NAME("OTHER", at, path, 0, SYS_symlinkat, (long)target, at, (long)path);
}

EXPORT int symlink(const char *target, const char *path)
{
	return symlinkat(target, AT_FDCWD, path);
}
