/* SPDX-License-Identifier: GPL-3.0-or-later */
/* statefile, lock, outfile: the old or the new, one at a time, and nothing left behind. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>

#include "flow/outfile.h"
#include "scratch.h"
#include "system/fdio.h"
#include "system/lock.h"
#include "system/statefile.h"
#include "tap.h"

/* Is the file exactly this text? NULL: it is not there. */
static bool holds(const char *path, const char *want)
{
	size_t len;
	char *got = (char *)scratch_get(path, &len);
	const bool same = want ? got && len == strlen(want) && memcmp(got, want, len) == 0 : !got;

	free(got);
	return same;
}

static unsigned int nr_files(void)
{
	DIR *d = opendir(".");
	unsigned int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* statefile */

static void state_written(void)
{
	struct err e = {0};
	struct stat st;
	char buf[32];

	ok(statefile_read("s", buf, sizeof(buf), &e) == 0 && e.kind == ERR_NONE, "state: not there is no error");
	ok(statefile_replace("s", "one", 3, &e) == 0 && holds("s", "one"), "state: made");
	ok(stat("s", &st) == 0 && (st.st_mode & 0777) == 0600, "state: for its owner only");
	ok(statefile_replace("s", "second", 6, &e) == 0 && holds("s", "second"), "state: replaced by longer");
	ok(statefile_replace("s", "3", 1, &e) == 0 && holds("s", "3"), "state: replaced by shorter");
	ok(nr_files() == 1, "state: nothing beside it");
	ok(statefile_read("s", buf, sizeof(buf), &e) == 1 && strcmp(buf, "3") == 0, "state: read");
	scratch_put("s.new", 0, 10000, 1);
	ok(statefile_replace("s", "4", 1, &e) == 0 && holds("s", "4") && nr_files() == 1,
	   "state: what a crash left beside it is no trouble");
	ok(statefile_remove("s", &e) == 0 && nr_files() == 0, "state: removed");
	ok(statefile_remove("s", &e) == 0, "state: removed again");
}

static void state_refused(void)
{
	struct err e = {0};
	char buf[8];
	char *path = malloc(5000);

	statefile_replace("s", "1234567", 7, &e);
	ok(statefile_read("s", buf, sizeof(buf), &e) == 1 && strcmp(buf, "1234567") == 0, "state: just fits");
	statefile_replace("s", "12345678", 8, &e);
	ok(statefile_read("s", buf, sizeof(buf), &e) == -1 && e.kind == ERR_CORRUPT, "state: too large: %s",
	   e.text);
	err_clear(&e);
	ok(statefile_replace("no/s", "x", 1, &e) == -1 && e.kind == ERR_RUNTIME && strstr(e.text, "no/s"),
	   "state: no directory: %s", e.text);
	err_clear(&e);
	mkdir("d", 0700);
	ok(statefile_read("d", buf, sizeof(buf), &e) == -1 && e.kind == ERR_RUNTIME, "state: a directory: %s",
	   e.text);
	err_clear(&e);
	ok(statefile_replace("d", "x", 1, &e) == -1 && !scratch_there("d.new"),
	   "state: not over a directory, and nothing left: %s", e.text);
	memset(path, 'x', 4999);
	path[4999] = '\0';
	err_clear(&e);
	ok(statefile_replace(path, "x", 1, &e) == -1 && e.kind == ERR_RUNTIME, "state: a path too long");
	err_clear(&e);
	ok(symlink("s", "s2.new") == 0 && statefile_replace("s2", "x", 1, &e) == -1 && holds("s", "12345678"),
	   "state: a link that waits beside it is not followed: %s", e.text);
	free(path);
	rmdir("d");
	unlink("s");
	unlink("s2.new");
}

/* Cut off: the file system is full. */
static void state_full_disk(void)
{
	struct err e = {0};
	char big[65536];

	if (geteuid() != 0 || mkdir("full", 0700) || scratch_run("mount -t tmpfs -o size=16k none full 2>/dev/null")) {
		skip("state: a full disk", "needs root to mount a small one");
		rmdir("full");
		return;
	}
	memset(big, 'x', sizeof(big));
	statefile_replace("full/s", "old", 3, &e);
	ok(statefile_replace("full/s", big, sizeof(big), &e) == -1 && e.kind == ERR_RUNTIME && e.hint[0] &&
		   holds("full/s", "old") && !scratch_there("full/s.new"),
	   "state: a full disk leaves the old one, and nothing beside it: %s", e.text);
	scratch_run("umount full");
	rmdir("full");
}

/* Killed anywhere: whoever reads meanwhile finds one or the other. */
static void state_always_whole(void)
{
	struct err e = {0};
	char buf[4096];
	char text[3000];
	bool whole = true;
	size_t len;
	pid_t pid;
	int i;

	statefile_replace("s", "a", 1, &e);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (i = 0;; i++) {
			memset(text, 'a' + i % 26, sizeof(text));
			statefile_replace("s", text, (size_t)(i * 37 % 3000) + 1, &e);
		}
	}
	for (i = 0; i < 3000 && whole; i++) {
		whole = statefile_read("s", buf, sizeof(buf), &e) == 1;
		len = strlen(buf);
		whole = whole && len > 0 && strspn(buf, (char[2]){buf[0], '\0'}) == len;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(whole && statefile_read("s", buf, sizeof(buf), &e) == 1 &&
		   strspn(buf, (char[2]){buf[0], '\0'}) == strlen(buf),
	   "state: whole at any moment, and after a kill");
	unlink("s");
	unlink("s.new");
}

/* lock */

static void locks(void)
{
	struct err e = {0};
	char want[64];
	int fds[2];
	pid_t pid;
	int fd;
	char byte;

	if (pipe(fds))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fd = lock_take("l", "it", &e);
		if (write(fds[1], fd < 0 ? "-" : "+", 1) == 1)
			pause();
		_exit(1);
	}
	ok(read(fds[0], &byte, 1) == 1 && byte == '+', "lock: taken by another process");
	snprintf(want, sizeof(want), "process %d", (int)pid);
	ok(lock_take("l", "it", &e) == -1 && e.kind == ERR_BUSY && strstr(e.text, want) && e.hint[0],
	   "lock: busy, and says who: %s", strstr(e.text, "process") ? "process N" : e.text);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	err_clear(&e);
	fd = lock_take("l", "it", &e);
	ok(fd >= 0, "lock: a dead holder holds nothing %s", e.text);
	ok(lock_take("l", "it", &e) == -1 && e.kind == ERR_BUSY, "lock: not twice in one process");
	close(fd);
	err_clear(&e);
	fd = lock_take("l", "it", &e);
	snprintf(want, sizeof(want), "%d\n", (int)getpid());
	ok(fd >= 0 && holds("l", want), "lock: free again, and the last holder's name alone is in it");
	close(fd);
	ok(lock_take("no/l", "it", &e) == -1 && e.kind == ERR_RUNTIME, "lock: no directory");
	err_clear(&e);
	ok(symlink("l", "l2") == 0 && lock_take("l2", "it", &e) == -1 && e.kind == ERR_RUNTIME, "lock: links are not followed");
	unlink("l");
	unlink("l2");
}

/* outfile */

static void write_text(struct outfile *f, const char *text)
{
	struct err e = {0};

	fdio_write2(f->fd, f->name, text, strlen(text), NULL, 0, &e);
}

static void published(void)
{
	struct outfile f;
	struct err e = {0};

	ok(outfile_open(&f, "o", -1, &e) == 0 && !scratch_there("o"), "outfile: not there while it is written");
	write_text(&f, "new");
	ok(!scratch_there("o") && outfile_publish(&f, false, &e) == 0 && holds("o", "new"),
	   "outfile: there when published");
	outfile_close(&f);
	ok(holds("o", "new") && nr_files() == 1, "outfile: nothing beside it");

	outfile_open(&f, "o", -1, &e);
	write_text(&f, "newer");
	ok(holds("o", "new") && outfile_publish(&f, true, &e) == 0 && holds("o", "newer"),
	   "outfile: replaces where it may");
	outfile_close(&f);
	outfile_open(&f, "o", -1, &e);
	write_text(&f, "newest");
	ok(outfile_publish(&f, false, &e) == -1 && holds("o", "newer"), "outfile: else not: %s", e.text);
	outfile_close(&f);
	ok(nr_files() == 1, "outfile: nothing left of what was not published");
	err_clear(&e);
	outfile_open(&f, "p", -1, &e);
	write_text(&f, "half");
	outfile_close(&f);
	ok(nr_files() == 1 && !scratch_there("p"), "outfile: given up, nothing is left");
	unlink("o");
}

static void not_regular(void)
{
	struct outfile f;
	struct err e = {0};
	char buf[8] = "";
	int fd;

	ok(outfile_open(&f, "/dev/null", -1, &e) == 0 && outfile_publish(&f, true, &e) == 0, "outfile: /dev/null");
	outfile_close(&f);
	ok(scratch_there("/dev/null") && !scratch_there("/dev/null.part"), "outfile: which stays");
	mkfifo("fifo", 0600);
	fd = open("fifo", O_RDWR | O_CLOEXEC);
	ok(outfile_open(&f, "fifo", -1, &e) == 0, "outfile: a FIFO");
	write_text(&f, "text");
	outfile_publish(&f, false, &e);
	outfile_close(&f);
	ok(read(fd, buf, sizeof(buf)) == 4 && strcmp(buf, "text") == 0 && nr_files() == 1,
	   "outfile: is written to");
	close(fd);
	unlink("fifo");
	ok(outfile_open(&f, "no/o", -1, &e) == -1 && e.kind == ERR_RUNTIME, "outfile: no directory: %s", e.text);
	outfile_close(&f);
	err_clear(&e);
	mkdir("d", 0700);
	ok(outfile_open(&f, "d", -1, &e) == -1, "outfile: a directory: %s", e.text);
	outfile_close(&f);
	rmdir("d");
	ok(nr_files() == 0, "outfile: nothing is left");
}

static void outfile_refused(void)
{
	struct outfile f;
	struct outfile g;
	struct err e = {0};
	struct stat st;
	char loop[32];
	int fd;

	scratch_put("src", 0, 100, 1);
	fd = open("src", O_RDONLY | O_CLOEXEC);
	ok(outfile_open(&f, "./src", fd, &e) == -1 && e.kind == ERR_USAGE && stat("src", &st) == 0 &&
		   st.st_size == 100, "outfile: never what is read from: %s", e.text);
	outfile_close(&f);
	close(fd);
	err_clear(&e);
	outfile_open(&f, "o", -1, &e);
	write_text(&f, "mine");
	ok(outfile_open(&g, "o", -1, &e) == -1 && e.kind == ERR_BUSY, "outfile: one writer at a time: %s", e.text);
	outfile_close(&g);
	err_clear(&e);
	ok(outfile_publish(&f, false, &e) == 0 && holds("o", "mine"), "outfile: the second did no harm %s", e.text);
	outfile_close(&f);
	scratch_put("p.part", 0, 100, 1);
	ok(outfile_open(&f, "p", -1, &e) == 0, "outfile: what a killed run left is taken over");
	write_text(&f, "x");
	ok(outfile_publish(&f, false, &e) == 0 && holds("p", "x"), "outfile: and nothing of it stays");
	outfile_close(&f);
	scratch_size("disk", 1048576);
	if (!scratch_loop("disk", "", loop)) {
		skip("outfile: a block device", "no loop devices, or not root");
	} else {
		ok(outfile_open(&f, loop, -1, &e) == -1 && e.kind == ERR_USAGE, "outfile: no block device: %s",
		   strchr(e.text, ':'));
		outfile_close(&f);
		scratch_detach(loop);
	}
	scratch_run("rm -f src o p disk");
	ok(nr_files() == 0, "outfile: nothing is left, whatever was refused");
}

int main(void)
{
	scratch_begin();
	state_written();
	state_refused();
	state_full_disk();
	state_always_whole();
	locks();
	published();
	not_regular();
	outfile_refused();
	return tap_done();
}
