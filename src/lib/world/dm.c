/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "world/dm.h"

#include <errno.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "world/udevdb.h"

_Static_assert(UDEVDB_DM_RULES_OFF == DM_UDEV_DISABLE_DM_RULES_FLAG &&
	       UDEVDB_SUBSYSTEM_RULES_OFF == DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG &&
	       UDEVDB_DISK_RULES_OFF == DM_UDEV_DISABLE_DISK_RULES_FLAG &&
	       UDEVDB_OTHER_RULES_OFF == DM_UDEV_DISABLE_OTHER_RULES_FLAG &&
	       UDEVDB_LOW_PRIORITY == DM_UDEV_LOW_PRIORITY_FLAG, "the flags of libdevmapper");

/* What libdevmapper said last. It logs from the thread that calls it, which is the main one. */
static char last_words[256];

__attribute__((format(printf, 5, 6))) static void
on_log(int level, const char *file, int line, int dm_errno, const char *f, ...)
{
	va_list ap;

	(void)file;
	(void)line;
	(void)dm_errno;
	/* Levels below are chatter; the first bits are flags. */
	if ((level & 7) > 4)
		return;
	va_start(ap, f);
	vsnprintf(last_words, sizeof(last_words), f, ap);
	va_end(ap);
}

static int failed(const char *what, const char *name, struct err *e)
{
	err_set(e, ERR_RUNTIME, "%s: device-mapper cannot %s%s%s", name, what, last_words[0] ? ": " : "",
		last_words);
	/* What the library makes of a control node that nobody answers. */
	if (strstr(last_words, "Incompatible libdevmapper"))
		err_hint(e, "this kernel has no device-mapper, or not yet: modprobe dm-mod");
	return -1;
}

static struct dm_task *new_task(int type, uint32_t major, uint32_t minor)
{
	struct dm_task *t;

	dm_log_with_errno_init(on_log);
	last_words[0] = '\0';
	t = dm_task_create(type);
	if (!t)
		return NULL;
	if (dm_task_set_major(t, (int)major) && dm_task_set_minor(t, (int)minor))
		return t;
	dm_task_destroy(t);
	return NULL;
}

static int done(struct dm_task *t, int rc)
{
	if (t)
		dm_task_destroy(t);
	return rc;
}

/* A device name as numbers, for messages before its dm name is known. */
static const char *number(uint32_t major, uint32_t minor, char buf[32])
{
	snprintf(buf, 32, "%" PRIu32 ":%" PRIu32, major, minor);
	return buf;
}

static int look_info(struct dm_era *d, struct err *e)
{
	struct dm_task *t = new_task(DM_DEVICE_INFO, d->major, d->minor);
	struct dm_info info = {0};
	char buf[32];

	if (!t || !dm_task_run(t) || !dm_task_get_info(t, &info) || !info.exists)
		return done(t, failed("describe the device", number(d->major, d->minor, buf), e));
	snprintf(d->name, sizeof(d->name), "%s", dm_task_get_name(t));
	snprintf(d->uuid, sizeof(d->uuid), "%s", dm_task_get_uuid(t) ? dm_task_get_uuid(t) : "");
	d->suspended = info.suspended;
	return done(t, 0);
}

/* "MAJOR:MINOR MAJOR:MINOR SECTORS" */
static int parse_table(struct dm_era *d, const char *params, struct err *e)
{
	if (sscanf(params, "%" SCNu32 ":%" SCNu32 " %" SCNu32 ":%" SCNu32 " %" SCNu64, &d->meta_major,
		   &d->meta_minor, &d->orig_major, &d->orig_minor, &d->block_sectors) != 5 ||
	    d->block_sectors == 0)
		return err_set(e, ERR_RUNTIME, "%s: cannot read the era table '%s'", d->name, params);
	return 0;
}

static int look_table(struct dm_era *d, struct err *e)
{
	struct dm_task *t = new_task(DM_DEVICE_TABLE, d->major, d->minor);
	char *type = NULL;
	char *params = NULL;
	uint64_t start = 0;
	void *next;
	int rc = -1;

	if (!t || !dm_task_run(t)) {
		failed("show the table", d->name, e);
		goto out;
	}
	next = dm_get_next_target(t, NULL, &start, &d->len_sectors, &type, &params);
	rc = 0;
	if (!type || strcmp(type, "era") != 0)
		goto out;
	if (start != 0 || next)
		rc = err_set(e, ERR_USAGE, "%s: has an era target beside others; it must be the only one",
			     d->name);
	else
		rc = parse_table(d, params, e) ? -1 : 1;
out:
	return done(t, rc);
}

int dm_look(uint64_t rdev, struct dm_era *d, struct err *e)
{
	memset(d, 0, sizeof(*d));
	d->major = major(rdev);
	d->minor = minor(rdev);
	dm_log_with_errno_init(on_log);
	if (!dm_is_dm_major(d->major))
		return 0;
	if (look_info(d, e))
		return -1;
	return look_table(d, e);
}

/* Any device */

/* `name` for messages: a task that failed may have none to give. */
static int describe(struct dm_task *t, const char *name, struct dm_dev *d, struct err *e)
{
	struct dm_info info = {0};
	uint64_t start = 0;
	char *type = NULL;
	char *params = NULL;
	void *next;

	memset(d, 0, sizeof(*d));
	if (!dm_task_run(t)) {
		if (dm_task_get_errno(t) == ENXIO)
			return 0;
		return failed("describe the device", name, e);
	}
	if (!dm_task_get_info(t, &info) || !info.exists)
		return 0;
	snprintf(d->name, sizeof(d->name), "%s", dm_task_get_name(t));
	snprintf(d->uuid, sizeof(d->uuid), "%s", dm_task_get_uuid(t) ? dm_task_get_uuid(t) : "");
	d->major = info.major;
	d->minor = info.minor;
	d->open_count = (uint32_t)info.open_count;
	d->suspended = info.suspended;
	d->pending = info.inactive_table;
	next = dm_get_next_target(t, NULL, &start, &d->len_sectors, &type, &params);
	if (type && !next && start == 0) {
		snprintf(d->type, sizeof(d->type), "%s", type);
		snprintf(d->params, sizeof(d->params), "%s", params);
	}
	return 1;
}

static struct dm_task *named_task(int type, const char *name)
{
	struct dm_task *t;

	dm_log_with_errno_init(on_log);
	last_words[0] = '\0';
	t = dm_task_create(type);
	if (!t || dm_task_set_name(t, name))
		return t;
	dm_task_destroy(t);
	return NULL;
}

int dm_find(const char *name, struct dm_dev *d, struct err *e)
{
	struct dm_task *t = named_task(DM_DEVICE_TABLE, name);

	return done(t, t ? describe(t, name, d, e) : failed("describe the device", name, e));
}

int dm_find_number(uint32_t major, uint32_t minor, struct dm_dev *d, struct err *e)
{
	struct dm_task *t;
	char buf[32];

	memset(d, 0, sizeof(*d));
	dm_log_with_errno_init(on_log);
	if (!dm_is_dm_major(major))
		return 0;
	t = new_task(DM_DEVICE_TABLE, major, minor);
	number(major, minor, buf);
	return done(t, t ? describe(t, buf, d, e) : failed("describe the device", buf, e));
}

int dm_first_number(const char *params, uint32_t *major, uint32_t *minor)
{
	return sscanf(params, "%" SCNu32 ":%" SCNu32, major, minor) == 2 ? 0 : -1;
}

int dm_list(const char *prefix, int (*fn)(void *ctx, const char *name), void *ctx, struct err *e)
{
	struct dm_task *t;
	struct dm_names *n;
	struct dm_dev d;
	int rc = 0;

	dm_log_with_errno_init(on_log);
	last_words[0] = '\0';
	t = dm_task_create(DM_DEVICE_LIST);
	if (!t || !dm_task_run(t) || !(n = dm_task_get_names(t))) {
		rc = failed("list its devices", "this machine", e);
		goto out;
	}
	/* An empty list is one entry without a device. */
	for (; rc == 0 && n->dev; n = (struct dm_names *)(void *)((char *)n + n->next)) {
		if (dm_find(n->name, &d, e) < 0)
			rc = -1;
		else if (strncmp(d.uuid, prefix, strlen(prefix)) == 0)
			rc = fn(ctx, n->name);
		if (!n->next)
			break;
	}
out:
	return done(t, rc);
}

static bool listed(struct dm_task *t, const char *type)
{
	struct dm_versions *v = dm_task_get_versions(t);

	while (v) {
		if (strcmp(v->name, type) == 0)
			return true;
		if (!v->next)
			break;
		v = (struct dm_versions *)(void *)((char *)v + v->next);
	}
	return false;
}

/* Build and take down */

/* Nobody waits for ever for a udev that does not answer: what it would have made, the library makes. */
#define UDEV_LIMIT_MS 10000
#define UDEV_STEP_MS 5

static void wait_for_udev(uint32_t cookie)
{
	int ready = 0;
	int waited;

	for (waited = 0; waited < UDEV_LIMIT_MS; waited += UDEV_STEP_MS) {
		if (!dm_udev_wait_immediate(cookie, &ready) || ready)
			return;
		usleep(UDEV_STEP_MS * 1000);
	}
	dm_udev_complete(cookie);
	dm_udev_wait_immediate(cookie, &ready);
}

static int run_with_udev(struct dm_task *t, uint16_t flags)
{
	uint32_t cookie = 0;
	int ok = dm_task_set_cookie(t, &cookie, flags) && dm_task_run(t);

	if (cookie)
		wait_for_udev(cookie);
	return ok;
}

int dm_create(const struct dm_table *t, struct err *e)
{
	const uint16_t hidden = DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
				DM_UDEV_DISABLE_OTHER_RULES_FLAG;
	struct dm_task *k = named_task(DM_DEVICE_CREATE, t->name);
	int rc = 0;

	if (!k || !dm_task_set_uuid(k, t->uuid) ||
	    !dm_task_add_target(k, 0, t->len_sectors, t->type, t->params) ||
	    !run_with_udev(k, t->hidden ? hidden : 0))
		rc = failed("create the device", t->name, e);
	return done(k, rc);
}

int dm_load(const struct dm_table *t, struct err *e)
{
	struct dm_task *k = named_task(DM_DEVICE_RELOAD, t->name);
	int rc = 0;

	if (!k || !dm_task_add_target(k, 0, t->len_sectors, t->type, t->params) || !dm_task_run(k))
		rc = failed("load the table", t->name, e);
	return done(k, rc);
}

int dm_clear(const char *name, struct err *e)
{
	struct dm_task *t = named_task(DM_DEVICE_CLEAR, name);

	return done(t, t && dm_task_run(t) ? 0 : failed("drop the loaded table", name, e));
}

int dm_remove(const char *name, struct err *e)
{
	struct dm_task *t = named_task(DM_DEVICE_REMOVE, name);
	int rc = 0;

	if (!t || !dm_task_retry_remove(t) || !run_with_udev(t, 0)) {
		if (t && dm_task_get_errno(t) == EBUSY)
			rc = err_set(e, ERR_BUSY, "%s: is in use", name);
		else
			rc = failed("remove the device", name, e);
	}
	return done(t, rc);
}

int dm_has_target(const char *type, struct err *e)
{
	struct dm_task *t = named_task(DM_DEVICE_GET_TARGET_VERSION, type);
	int rc;

	/* Unlike the list this loads the module. */
	if (t && dm_task_run(t))
		return done(t, 1);
	done(t, 0);
	t = dm_task_create(DM_DEVICE_LIST_VERSIONS);
	rc = t && dm_task_run(t) ? listed(t, type) : failed("list its targets", "this kernel", e);
	return done(t, rc);
}

/* "8 USED/TOTAL ERA HELD", or "Error" and "Fail" from a target in trouble. */
static int parse_status(const struct dm_era *d, const char *params, struct dm_era_status *s,
			struct err *e)
{
	char held[32] = "";

	memset(s, 0, sizeof(*s));
	if (sscanf(params, "%*u %" SCNu64 "/%" SCNu64 " %" SCNu64 " %31s", &s->used_blocks,
		   &s->total_blocks, &s->era, held) != 4) {
		err_set(e, ERR_RUNTIME, "%s: dm-era gives '%s' as its status", d->name, params);
		return err_hint(e, "the kernel log says why; the metadata device may have failed");
	}
	s->held = strcmp(held, "-") != 0;
	if (s->held)
		s->held_root = strtoull(held, NULL, 10);
	return 0;
}

/* What the only target says of itself; the caller destroys *t, where the words lie, also after a failure. */
static const char *target_status(struct dm_task **t, uint32_t major, uint32_t minor, const char *name,
				 struct err *e)
{
	char *type = NULL;
	char *params = NULL;
	uint64_t start;
	uint64_t len;

	*t = new_task(DM_DEVICE_STATUS, major, minor);
	if (*t && dm_task_run(*t))
		dm_get_next_target(*t, NULL, &start, &len, &type, &params);
	if (!params)
		failed("give the status", name, e);
	return params;
}

int dm_status(const struct dm_era *d, struct dm_era_status *s, struct err *e)
{
	struct dm_task *t;
	const char *params = target_status(&t, d->major, d->minor, d->name, e);
	const int rc = params ? parse_status(d, params, s, e) : -1;

	return done(t, rc);
}

/* "USED/TOTAL METADATA", or "Invalid", "Overflow". */
int dm_snapshot_status(uint32_t major, uint32_t minor, uint64_t *used_sectors, uint64_t *total_sectors,
		       struct err *e)
{
	struct dm_task *t;
	char buf[32];
	const char *name = number(major, minor, buf);
	const char *params = target_status(&t, major, minor, name, e);
	int rc = -1;

	if (params && sscanf(params, "%" SCNu64 "/%" SCNu64, used_sectors, total_sectors) == 2)
		rc = 1;
	else if (params && (strncmp(params, "Invalid", 7) == 0 || strncmp(params, "Overflow", 8) == 0))
		rc = 0;
	else if (params)
		err_set(e, ERR_RUNTIME, "%s: dm-snapshot gives '%s' as its status", name, params);
	return done(t, rc);
}

int dm_message(const struct dm_era *d, const char *message, struct err *e)
{
	struct dm_task *t = new_task(DM_DEVICE_TARGET_MSG, d->major, d->minor);
	int rc = 0;

	if (!t || !dm_task_set_sector(t, 0) || !dm_task_set_message(t, message) || !dm_task_run(t))
		rc = failed(message, d->name, e);
	return done(t, rc);
}

struct dm_fence {
	struct dm_task *suspend;
	struct dm_task *resume;
	char name[32];
};

/*
 * A resume makes an event, which tells udev anew what it may do with the device. libdevmapper says "all" where it is
 * told nothing: then the layer beneath a volume would get the links of the filesystem on it, and who mounts by UUID
 * would write past dm-era. So udev is told what it was told before.
 */
static void keep_udev_flags(struct dm_task *resume, uint32_t major, uint32_t minor)
{
	const int with_udev = dm_udev_get_sync_support();
	uint32_t cookie = 0;

	/* Without a wait this sets the flags and no cookie. */
	dm_udev_set_sync_support(0);
	dm_task_set_cookie(resume, &cookie, udevdb_dm_flags(major, minor));
	dm_udev_set_sync_support(with_udev);
}

struct dm_fence *dm_fence_new(uint32_t major, uint32_t minor, struct err *e)
{
	struct dm_fence *f = calloc(1, sizeof(*f));

	if (!f) {
		err_set(e, ERR_RUNTIME, "no memory for a fence");
		return NULL;
	}
	number(major, minor, f->name);
	f->suspend = new_task(DM_DEVICE_SUSPEND, major, minor);
	f->resume = new_task(DM_DEVICE_RESUME, major, minor);
	/* Keeps the control node open, so that no path is walked while suspended. */
	dm_hold_control_dev(1);
	if (!f->suspend || !f->resume) {
		failed("prepare a fence", f->name, e);
		dm_fence_free(f);
		return NULL;
	}
	keep_udev_flags(f->resume, major, minor);
	return f;
}

void dm_fence_free(struct dm_fence *f)
{
	if (!f)
		return;
	if (f->suspend)
		dm_task_destroy(f->suspend);
	if (f->resume)
		dm_task_destroy(f->resume);
	free(f);
}

void dm_fence_leave_fs(struct dm_fence *f)
{
	dm_task_skip_lockfs(f->suspend);
}

int dm_fence_suspend(struct dm_fence *f, struct err *e)
{
	if (dm_task_run(f->suspend))
		return 0;
	if (dm_task_get_errno(f->suspend) != EBUSY)
		return failed("suspend the device", f->name, e);
	err_set(e, ERR_BUSY, "%s: cannot be suspended: somebody froze the filesystem on it, or is at work on it", f->name);
	return err_hint(e, "if nobody is: fsfreeze --unfreeze MOUNTPOINT");
}

int dm_fence_resume(struct dm_fence *f, struct err *e)
{
	const int with_udev = dm_udev_get_sync_support();
	int ok;

	/* Nobody may wait for udev here. */
	dm_udev_set_sync_support(0);
	ok = dm_task_run(f->resume);
	dm_udev_set_sync_support(with_udev);
	return ok ? 0 : failed("resume the device", f->name, e);
}
