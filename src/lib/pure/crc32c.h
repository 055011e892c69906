/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crc32c: the Castagnoli CRC, with which dm-era's metadata seals every block.
 *
 * The plain update step: reflected polynomial 0x82f63b78, no inversion before or after, so that a
 * caller can build either convention from it. The checksum most texts call CRC-32C is
 * ~crc32c(~0, p, len); the one the kernel's dm_bm_checksum() computes leaves out the last
 * inversion.
 *
 * x86 processors with SSE 4.2 have an instruction for it. Whether this one does is asked at run
 * time; every other processor takes the table. A reader of metadata spends its time here, so the
 * difference shows.
 */
#ifndef ERA_PURE_CRC32C_H
#define ERA_PURE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The register `crc` after len bytes at p went through it. Any alignment, any length. */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/* The same by each of the two ways: for tests. _hw requires crc32c_has_hw(). */
uint32_t crc32c_table(uint32_t crc, const void *p, size_t len);
uint32_t crc32c_hw(uint32_t crc, const void *p, size_t len);
bool crc32c_has_hw(void);

#endif
