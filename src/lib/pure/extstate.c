/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pure/extstate.h"

#include "words/le.h"

#define MAGIC 0xef53
#define COMPAT_HAS_JOURNAL 0x4u
#define INCOMPAT_RECOVER 0x4u
#define INCOMPAT_JOURNAL_DEV 0x8u

enum extstate extstate_look(const uint8_t sb[EXTSTATE_LEN])
{
	const uint32_t compat = le32_get(sb + 0x5c);
	const uint32_t incompat = le32_get(sb + 0x60);

	if (le16_get(sb + 0x38) != MAGIC || !(compat & COMPAT_HAS_JOURNAL) ||
	    (incompat & INCOMPAT_JOURNAL_DEV))
		return EXTSTATE_UNKNOWN;
	return incompat & INCOMPAT_RECOVER ? EXTSTATE_RECOVERY : EXTSTATE_SETTLED;
}
