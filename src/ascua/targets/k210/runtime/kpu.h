/* The KPU of a K210: it takes a layer as twelve words, and is waited for.
 *
 * kpu_k210.c drives the chip's; kpu_soft.c is one in C, for computers that have none.
 */
#ifndef KPU_H
#define KPU_H

#include <stdbool.h>
#include <stdint.h>

enum { KPU_WORDS = 12, KPU_LINE = 64, KPU_RAM_BYTES = 2 << 20, KPU_ALIGN = 256 };

/* The KPU's own memory, as the CPU reads and writes it. */
uint8_t *kpu_ram(void);

/* Where the CPU finds the same bytes without a cache between, as the KPU and the DMA do. */
void *kpu_uncached(void *at);

/* Once a file: its bytes are to be where the KPU reads them. */
void kpu_load(const void *file, uint32_t bytes);

/* Before the layers of a file: weights are bytes, or without `eight_bit` of 16 bits. `version` of
 * the file says how a KPU in C rounds, as nobody knows which way the chip does. */
void kpu_begin(const void *file, int version, bool eight_bit);

/* What a register holds for an address in the file. */
uint32_t kpu_address(const void *at);

/* Starts a layer; with `out`, its `bytes` bytes go there too, channel by channel: both are
 * multiples of eight. */
void kpu_push(const uint64_t words[KPU_WORDS], uint8_t *out, uint32_t bytes);

/* Waits for it; false where it never ends. */
bool kpu_wait(void);

#endif
