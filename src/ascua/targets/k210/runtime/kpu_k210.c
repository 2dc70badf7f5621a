/* The KPU of the chip: its registers, its interrupt, and a channel of the DMA controller.
 *
 * Its clock must run (PLL1, and the clock of the AI accelerator), and the channel KPU_DMA_CHANNEL
 * be free. Interrupts of the KPU and of that channel go to the core that waits, which takes them
 * from the interrupt controller itself: no handler is needed, and one that is there does not hear
 * them.
 */
#include "kpu.h"

#ifndef KPU_DMA_CHANNEL
#define KPU_DMA_CHANNEL 5
#endif

#define CACHED UINT64_C(0x80000000)
#define UNCACHED UINT64_C(0x40000000) /* the same memory, without the cache */
#define RAM_BYTES UINT64_C(0x800000)
#define AI_RAM UINT64_C(0x40600000)
#define KPU UINT64_C(0x40800000)
#define PLIC UINT64_C(0x0c000000)
#define DMAC UINT64_C(0x50000000)
#define DMA_SELECT UINT64_C(0x50440064) /* which device a channel listens to: six bits each */

enum {
    LAYERS = 0x00,
    INTERRUPT_MASK = 0x18,
    INTERRUPT_CLEAR = 0x20,
    THRESHOLDS = 0x28,
    DATA_OUT = 0x30,
    EIGHT_BIT = 0x40,
    ALL_INTERRUPTS = 7,
    ALL_BUT_DONE = 6,
    FULL_AT_10_EMPTY_AT_1 = 0x1a,

    CHANNEL = 0x100 * (KPU_DMA_CHANNEL + 1),
    SOURCE = CHANNEL,
    DESTINATION = CHANNEL + 0x08,
    BLOCK = CHANNEL + 0x10,
    CONTROL = CHANNEL + 0x18,
    CONFIGURE = CHANNEL + 0x20,
    STATUS_ENABLE = CHANNEL + 0x80,
    CLEAR = CHANNEL + 0x98,
    DMAC_CONFIGURE = 0x10,
    DMAC_ENABLE = 0x18,
    TRANSFERRED = 2,
    AI_REQUEST = 22,

    KPU_INTERRUPT = 25,
    DMA_INTERRUPT = 27 + KPU_DMA_CHANNEL,
    PRIORITY = 7,
};

#define PATIENCE (UINT64_C(1) << 30) /* cycles: seconds, where layers take milliseconds */

#define EXTERNAL UINT64_C(0x800) /* of the interrupts that a core takes */

static uint32_t expected; /* the interrupt that ends the layer */
static uint64_t taken;    /* whether the core took external ones before */

static volatile uint64_t *reg(uint64_t base, uint64_t offset) {
    return (volatile uint64_t *)(uintptr_t)(base + offset);
}

static volatile uint32_t *reg32(uint64_t base, uint64_t offset) {
    return (volatile uint32_t *)(uintptr_t)(base + offset);
}

static uint64_t hart(void) {
    uint64_t id;
    __asm__ volatile("csrr %0, mhartid" : "=r"(id));
    return id;
}

static uint64_t cycles(void) {
    uint64_t count;
    __asm__ volatile("csrr %0, mcycle" : "=r"(count));
    return count;
}

static void order(void) {
    __asm__ volatile("fence" ::: "memory");
}

static volatile uint32_t *threshold(void) {
    return reg32(PLIC, 0x200000 + 0x1000 * hart());
}

static volatile uint32_t *claim(void) {
    return reg32(PLIC, 0x200004 + 0x1000 * hart());
}

static void enable_interrupt(uint32_t number) {
    *reg32(PLIC, 4 * (uint64_t)number) = PRIORITY;
    *reg32(PLIC, 0x2000 + 0x80 * hart() + number / 32 * 4) |= UINT32_C(1) << number % 32;
}

uint8_t *kpu_ram(void) {
    return (uint8_t *)(uintptr_t)AI_RAM;
}

void *kpu_uncached(void *at) {
    uint64_t address = (uintptr_t)at;
    return address - CACHED < RAM_BYTES ? (void *)(uintptr_t)(address - CACHED + UNCACHED) : at;
}

uint32_t kpu_address(const void *at) {
    return (uint32_t)(uintptr_t)kpu_uncached((void *)(uintptr_t)at);
}

/* What the cache holds of the file goes to memory: each byte is written past the cache. */
void kpu_load(const void *file, uint32_t bytes) {
    const uint8_t *from = file;
    volatile uint8_t *to = kpu_uncached((void *)(uintptr_t)file);
    for (uint32_t i = 0; to != from && i < bytes; i++) {
        to[i] = from[i];
    }
    order();
}

void kpu_begin(const void *file, int version, bool eight_bit) {
    (void)file;
    (void)version;
    *reg(KPU, INTERRUPT_CLEAR) = ALL_INTERRUPTS;
    *reg(KPU, THRESHOLDS) = FULL_AT_10_EMPTY_AT_1;
    *reg(KPU, EIGHT_BIT) = eight_bit;
    *reg(KPU, INTERRUPT_MASK) = ALL_INTERRUPTS;
    enable_interrupt(KPU_INTERRUPT);
    enable_interrupt(DMA_INTERRUPT);
}

/* `value` with `bits` from bit `low` on in place of its own. */
static uint64_t with(uint64_t value, unsigned low, unsigned width, uint64_t bits) {
    uint64_t mask = ((UINT64_C(1) << width) - 1) << low;
    return (value & ~mask) | bits << low;
}

/* Arms the channel: from what the KPU gives out to memory, by words of 64 bits. */
static void receive(uint8_t *out, uint32_t bytes) {
    enum { CHANNELS_A_WORD = 5, SELECT_BITS = 6 };
    volatile uint32_t *select = reg32(DMA_SELECT, KPU_DMA_CHANNEL / CHANNELS_A_WORD * 4);
    unsigned at = KPU_DMA_CHANNEL % CHANNELS_A_WORD * SELECT_BITS;
    *select = (uint32_t)with(*select, at, SELECT_BITS, AI_REQUEST);

    *reg(DMAC, CLEAR) = UINT32_MAX;
    *reg(DMAC, DMAC_ENABLE) = UINT64_C(1) << (KPU_DMA_CHANNEL + 8); /* off, while it is set up */
    uint64_t configure = *reg(DMAC, CONFIGURE);
    configure = with(configure, 0, 4, 0);  /* one block */
    configure = with(configure, 32, 3, 2); /* from a device to memory */
    configure = with(configure, 35, 1, 0); /* the device asks by hardware */
    configure = with(configure, 36, 1, 1); /* memory never does */
    configure = with(configure, 39, 4, KPU_DMA_CHANNEL);
    configure = with(configure, 44, 4, KPU_DMA_CHANNEL);
    *reg(DMAC, CONFIGURE) = configure;
    *reg(DMAC, SOURCE) = KPU + DATA_OUT;
    *reg(DMAC, DESTINATION) = (uintptr_t)kpu_uncached(out);
    uint64_t control = *reg(DMAC, CONTROL);
    control = with(control, 0, 1, 0);
    control = with(control, 2, 1, 1);     /* the second bus, to memory */
    control = with(control, 4, 1, 1);     /* the source stays */
    control = with(control, 6, 1, 0);     /* the destination goes on */
    control = with(control, 8, 6, 033);   /* 64 bits each */
    control = with(control, 14, 8, 0x22); /* eight at once */
    *reg(DMAC, CONTROL) = control;
    *reg(DMAC, BLOCK) = bytes / 8 - 1;
    *reg(DMAC, STATUS_ENABLE) = TRANSFERRED;
    *reg(DMAC, DMAC_CONFIGURE) = 3;
    *reg(DMAC, DMAC_ENABLE) = UINT64_C(0x101) << KPU_DMA_CHANNEL;
}

void kpu_push(const uint64_t words[KPU_WORDS], uint8_t *out, uint32_t bytes) {
    bool copied = out != 0;
    __asm__ volatile("csrrc %0, mie, %1" : "=r"(taken) : "r"(EXTERNAL));
    expected = copied ? DMA_INTERRUPT : KPU_INTERRUPT;
    *reg(KPU, INTERRUPT_CLEAR) = ALL_INTERRUPTS;
    *reg(KPU, INTERRUPT_MASK) = copied ? ALL_INTERRUPTS : ALL_BUT_DONE;
    order();
    if (copied) {
        receive(out, bytes);
    }
    for (int i = 0; i < KPU_WORDS; i++) {
        uint64_t word = words[i];
        if (i == 0 && !copied) {
            word |= 1; /* an interrupt when it is done */
        }
        if (i == KPU_WORDS - 1) {
            word = with(word, 0, 1, copied); /* its bytes are given out */
        }
        *reg(KPU, LAYERS) = word;
    }
}

bool kpu_wait(void) {
    uint32_t before = *threshold(), number = 0;
    uint64_t begin = cycles();
    *threshold() = PRIORITY - 1; /* so that no other one is taken */
    while (number != expected && cycles() - begin < PATIENCE) {
        if ((number = *claim()) != 0) {
            *reg(KPU, INTERRUPT_CLEAR) = ALL_INTERRUPTS;
            *reg(DMAC, CLEAR) = UINT32_MAX;
            *claim() = number;
        }
    }
    *threshold() = before;
    order();
    __asm__ volatile("csrs mie, %0" : : "r"(taken & EXTERNAL));
    return number == expected;
}
