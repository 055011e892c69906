/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * eratouch: write 4 KiB into each of many blocks of a device, with hundreds of writes in flight.
 *
 *   eratouch DEVICE BLOCK_BYTES <block numbers, one a line
 *
 * dm-era commits its metadata once for all the writes it finds waiting. One at a time, as dd writes,
 * is one commit for each block. Any write that fails is an error, and says which.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "words/num.h"

#define DEPTH 1024
#define LEN   4096

static struct iocb iocbs[DEPTH];

static void die(const char *what)
{
	fprintf(stderr, "eratouch: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Write the blocks of the n iocbs that are filled in, and wait for all of them. */
static void write_all(aio_context_t ctx, unsigned int n)
{
	static struct iocb *list[DEPTH];
	static struct io_event done[DEPTH];
	unsigned int i;
	long k, sent;

	for (i = 0; i < n; i++)
		list[i] = &iocbs[i];
	for (sent = 0; sent < (long)n; sent += k) {
		k = syscall(SYS_io_submit, ctx, (long)n - sent, list + sent);
		if (k <= 0)
			die("io_submit");
	}
	if (n && syscall(SYS_io_getevents, ctx, (long)n, (long)n, done, NULL) != (long)n)
		die("io_getevents");
	for (i = 0; i < n; i++) {
		const struct iocb *c = (const struct iocb *)(uintptr_t)done[i].obj;

		if (done[i].res != LEN) {
			errno = (int)-done[i].res;
			fprintf(stderr, "at byte %lld: ", (long long)c->aio_offset);
			die("write");
		}
	}
}

int main(int argc, char **argv)
{
	void *buf = aligned_alloc(LEN, LEN);
	aio_context_t ctx = 0;
	uint64_t block_bytes, block;
	unsigned int n = 0;
	char line[32];
	int fd;

	if (argc != 3 || num_parse(argv[2], LEN, UINT32_MAX, &block_bytes)) {
		fprintf(stderr, "usage: eratouch DEVICE BLOCK_BYTES <NUMBERS\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || !buf || syscall(SYS_io_setup, DEPTH, &ctx))
		die(argv[1]);
	memset(buf, 0x5a, LEN);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (num_parse(line, 0, UINT32_MAX, &block)) {
			fprintf(stderr, "eratouch: '%s' is no block\n", line);
			return 2;
		}
		iocbs[n++] = (struct iocb){
			.aio_fildes = (uint32_t)fd,
			.aio_lio_opcode = IOCB_CMD_PWRITE,
			.aio_buf = (uintptr_t)buf,
			.aio_nbytes = LEN,
			.aio_offset = (int64_t)(block * block_bytes),
		};
		if (n == DEPTH) {
			write_all(ctx, n);
			n = 0;
		}
	}
	write_all(ctx, n);
	return close(fd) ? 1 : 0;
}
