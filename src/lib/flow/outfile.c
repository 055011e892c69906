/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/fdio.h"

int outfile_open(struct outfile *f, const char *name, struct err *e)
{
	struct stat st;

	memset(f, 0, sizeof(*f));
	f->fd = -1;
	f->name = name;
	f->regular = stat(name, &st) != 0 || S_ISREG(st.st_mode);
	if (!f->regular) {
		f->fd = open(name, O_WRONLY | O_CLOEXEC);
		return f->fd < 0 ? err_sys(e, "%s: cannot open", name) : 0;
	}
	if (snprintf(f->part, sizeof(f->part), "%s.part", name) >= (int)sizeof(f->part))
		return err_set(e, ERR_USAGE, "%s: the path is too long", name);
	f->fd = open(f->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return f->fd < 0 ? err_sys(e, "%s: cannot create", f->part) : 0;
}

int outfile_publish(struct outfile *f, bool replace, struct err *e)
{
	if (!f->regular)
		return 0;
	if (fdio_sync(f->fd, f->part, e))
		return -1;
	/* link() refuses a name that is taken; rename() does not. */
	if (replace ? rename(f->part, f->name) : link(f->part, f->name))
		return err_sys(e, "%s: cannot create", f->name);
	if (!replace)
		unlink(f->part);
	f->part[0] = '\0';
	return fdio_sync_parent(f->name, e);
}

void outfile_close(struct outfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->part[0] && f->fd >= 0)
		unlink(f->part);
	f->fd = -1;
}
