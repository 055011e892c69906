/* SPDX-License-Identifier: GPL-3.0-or-later */
/* extstate: superblocks by hand; a real one, through mounts and power cuts, is tests/vm/t-setup.sh's. */
#include <string.h>

#include "pure/extstate.h"
#include "tap.h"
#include "words/le.h"

static const struct row {
	const char *name;
	uint16_t magic;
	uint32_t compat;
	uint32_t incompat;
	enum extstate want;
} rows[] = {
	{"ext4, unmounted", 0xef53, 0x3c, 0x2c2, EXTSTATE_SETTLED},
	{"ext4, after a power cut", 0xef53, 0x3c, 0x2c6, EXTSTATE_RECOVERY},
	{"ext2: no journal", 0xef53, 0x38, 0x2, EXTSTATE_UNKNOWN},
	{"a journal device", 0xef53, 0x4, 0x8, EXTSTATE_UNKNOWN},
	{"another magic", 0xef54, 0x3c, 0x2c2, EXTSTATE_UNKNOWN},
	{"nothing", 0, 0, 0, EXTSTATE_UNKNOWN},
};

int main(void)
{
	uint8_t sb[EXTSTATE_LEN];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(sb, 0, sizeof(sb));
		le16_put(sb + 56, rows[i].magic);
		le32_put(sb + 92, rows[i].compat);
		le32_put(sb + 96, rows[i].incompat);
		ok(extstate_look(sb) == rows[i].want, "%s", rows[i].name);
	}
	return tap_done();
}
