/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void kmsg_error(const char *program, const char *object, const char *text)
{
	char line[900];
	int n = snprintf(line, sizeof(line), "<3>%s: %.100s: %.700s\n", program, object, text);
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, line, (size_t)n) < 0)
		errno = 0;
	close(fd);
}
