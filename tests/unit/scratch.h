/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scratch: a directory for a test's files that is gone at its end, real loop devices, and bytes that
 * can be told apart. The test changes into the directory.
 */
#ifndef ERA_TESTS_SCRATCH_H
#define ERA_TESTS_SCRATCH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_dir[64];
static pid_t scratch_owner;
static char scratch_loops[8][32];

__attribute__((unused)) static int scratch_run(const char *command)
{
	const int status = system(command);

	return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((unused)) static void scratch_detach(const char *loop)
{
	char command[128];
	int i;

	for (i = 0; i < 8; i++)
		if (strcmp(scratch_loops[i], loop) == 0)
			scratch_loops[i][0] = '\0';
	snprintf(command, sizeof(command), "losetup -d %s", loop);
	scratch_run(command);
}

static void scratch_end(void)
{
	char command[128];
	char loop[32];
	int i;

	if (getpid() != scratch_owner)
		return;
	for (i = 0; i < 8; i++) {
		if (scratch_loops[i][0]) {
			memcpy(loop, scratch_loops[i], sizeof(loop));
			scratch_detach(loop);
		}
	}
	snprintf(command, sizeof(command), "rm -rf %s", scratch_dir);
	if (chdir("/") == 0)
		scratch_run(command);
}

__attribute__((unused)) static void scratch_begin(void)
{
	strcpy(scratch_dir, "/tmp/era-unit.XXXXXX");
	if (!mkdtemp(scratch_dir) || chdir(scratch_dir))
		abort();
	scratch_owner = getpid();
	atexit(scratch_end);
}

/* A loop device on the file; false where this machine gives none. */
__attribute__((unused)) static bool scratch_loop(const char *file, const char *options, char loop[32])
{
	char command[256];
	FILE *p;
	int i;

	if (geteuid() != 0)
		return false;
	snprintf(command, sizeof(command), "losetup -f --show %s %s 2>/dev/null", options, file);
	p = popen(command, "r");
	loop[0] = '\0';
	if (!p || !fgets(loop, 32, p))
		loop[0] = '\0';
	if (p && pclose(p))
		loop[0] = '\0';
	loop[strcspn(loop, "\n")] = '\0';
	for (i = 0; i < 8 && loop[0]; i++) {
		if (!scratch_loops[i][0]) {
			memcpy(scratch_loops[i], loop, 32);
			break;
		}
	}
	return loop[0] != '\0';
}

/* Bytes that depend on where they are and on the seed; never zero. */
__attribute__((unused)) static void scratch_fill(uint8_t *p, size_t len, uint64_t off, unsigned int seed)
{
	size_t i;

	for (i = 0; i < len; i++) {
		const uint64_t x = (off + i + 1) * UINT64_C(0x9e3779b97f4a7c15) + seed * UINT64_C(0xff51afd7ed558ccd);

		p[i] = (uint8_t)((x >> 40) % 255 + 1);
	}
}

/* Write such bytes into a file, made where it is not there. */
__attribute__((unused)) static void scratch_put(const char *path, uint64_t off, size_t len, unsigned int seed)
{
	uint8_t *p = malloc(len ? len : 1);
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	scratch_fill(p, len, off, seed);
	if (fd < 0 || pwrite(fd, p, len, (off_t)off) != (ssize_t)len)
		abort();
	close(fd);
	free(p);
}

__attribute__((unused)) static void scratch_size(const char *path, uint64_t size)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	close(fd);
}

/* The whole file, to be freed; *len its length. NULL where it is not there. */
__attribute__((unused)) static uint8_t *scratch_get(const char *path, size_t *len)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *p;

	*len = 0;
	if (fd < 0 || fstat(fd, &st))
		return NULL;
	p = malloc((size_t)st.st_size + 1);
	if (!p || read(fd, p, (size_t)st.st_size) != st.st_size)
		abort();
	close(fd);
	p[st.st_size] = '\0';
	*len = (size_t)st.st_size;
	return p;
}

__attribute__((unused)) static bool scratch_same(const char *a, const char *b)
{
	size_t a_len;
	size_t b_len;
	uint8_t *x = scratch_get(a, &a_len);
	uint8_t *y = scratch_get(b, &b_len);
	const bool same = x && y && a_len == b_len && memcmp(x, y, a_len) == 0;

	free(x);
	free(y);
	return same;
}

__attribute__((unused)) static bool scratch_there(const char *path)
{
	return access(path, F_OK) == 0;
}

#endif
