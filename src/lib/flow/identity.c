/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "flow/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "system/statefile.h"
#include "words/hash.h"
#include "world/probe.h"

void identity_random(uint8_t id[WIRE_ID_LEN])
{
	/* 16 bytes from the kernel's generator cannot fail or be short once it is seeded. */
	do
		if (getrandom(id, WIRE_ID_LEN, 0) != WIRE_ID_LEN)
			abort();
	while (wire_id_is_zero(id));
}

/* What a HEAD field takes: at most its room, whole UTF-8 characters are not our business. */
static void field(struct wire_head *h, enum wire_field tag, const char *text)
{
	snprintf(h->field[tag], sizeof(h->field[tag]), "%s", text);
}

void identity_describe(struct wire_head *h, const char *device, int fd)
{
	struct utsname u = {0};
	struct probe p;

	uname(&u);
	probe_fd(fd, &p);
	h->time = (uint64_t)time(NULL);
	field(h, WIRE_HOST, u.nodename);
	field(h, WIRE_DEVICE, device);
	field(h, WIRE_FSTYPE, p.type);
	field(h, WIRE_FSUUID, p.uuid);
	field(h, WIRE_FSLABEL, p.label);
	field(h, WIRE_TOOL, ERA_VERSION);
	field(h, WIRE_KERNEL, u.release);
}

void identity_partuuid(const char *path, char out[LABEL_WORD])
{
	struct probe_part p = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	out[0] = '\0';
	if (fd < 0)
		return;
	probe_partition(fd, &p);
	close(fd);
	if (strlen(p.uuid) < LABEL_WORD)
		strcpy(out, p.uuid);
}

/* /etc/machine-id, or the host's name where there is none. */
static void machine(char out[128])
{
	struct utsname u = {0};
	struct err ignored = {0};

	if (statefile_read("/etc/machine-id", out, 128, &ignored) == 1 && strlen(out) >= 32)
		return;
	uname(&u);
	snprintf(out, 128, "%s", u.nodename);
}

void identity_weak_generation(const char *dm_name, const char *dm_uuid, uint64_t block_bytes,
			      uint8_t generation[WIRE_ID_LEN])
{
	struct hash *h = hash_new();
	char host[128];
	char text[1024];
	int n;

	if (!h)
		abort();
	machine(host);
	n = snprintf(text, sizeof(text), "era generation without label\n%s\n%s\n%s\n%llu\n", host,
		     dm_name, dm_uuid, (unsigned long long)block_bytes);
	hash_add(h, text, (size_t)n);
	hash_get(h, generation);
	hash_free(h);
}
