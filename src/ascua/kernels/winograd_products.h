/* Winograd's products: sums over channels, position by position of a transformed image and filter,
   both of int16. Two tiles side by side by four filters are made at a time; two channels lie in a
   word: of four 0 and 2, then 1 and 3. */
#ifndef ASCUA_WINOGRAD_PRODUCTS_H
#define ASCUA_WINOGRAD_PRODUCTS_H

#include "requant_dsp.h"

/* Sums of four channels of two tiles. */
#define WINOGRAD_SUMS 8

/* A value of which GCC makes no other: it would compute what is subtracted once more, negated. */
#define WINOGRAD_ONE(value) __asm__("" : "+r"(value))

/* Bytes 0 and 2 of a word. */
#define WINOGRAD_EVEN 0x00ff00ffu

/* Four channels of a pixel, 128 more each: no value is below 0. */
KERNEL uint32_t winograd_pixel(const int8_t *x) {
    return four_bytes(x) ^ 0x80808080u;
}

#if ASCUA_DSP

/* The sums, or differences, of two channels. */
KERNEL uint32_t winograd_add(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

KERNEL uint32_t winograd_subtract(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Two channels of four weights: bytes 0 and 2, or where `odd` 1 and 3. */
KERNEL uint32_t winograd_weight(uint32_t word, int32_t odd) {
    return odd ? sxtb16_odd(word) : sxtb16(word);
}

/* A pair of int16. */
KERNEL uint32_t winograd_repaid(uint32_t pair) {
    return pair;
}

#else

/* The sum of two channels, lower + 2^16 * upper. */
KERNEL uint32_t winograd_add(uint32_t a, uint32_t b) {
    return a + b;
}

/* Two channels of four weights: bytes 0 and 2, or where `odd` 1 and 3. */
KERNEL uint32_t winograd_weight(uint32_t word, int32_t odd) {
    word ^= 0x80808080u;
    return ((odd ? word >> 8 : word) & WINOGRAD_EVEN) - 0x00800080u;
}

/* A pair of int16: without what a lower half below 0 has borrowed of the upper one. */
KERNEL uint32_t winograd_repaid(uint32_t pair) {
    return pair + ((pair & 0x8000u) << 1);
}

#endif

#if ASCUA_ARM_32 && defined(__thumb2__)
/* clang-format off */

#define WINOGRAD_NEW(sum) ""
#define WINOGRAD_MORE(sum) ", " sum
#define WINOGRAD_SUM(op, plus, sum, x, u) op " " sum ", " x ", " u plus(sum) "\n\t"

#if ASCUA_DSP

/* Two channels of both tiles, in r12 and lr, by those of four filters: 44 bytes of code. */
#define WINOGRAD_WORDS(op, plus)                                                                   \
    "ldrd r12, lr, [r0], #8\n\t"                                                                   \
    "ldm.w r1!, {r2, r3}\n\t"                                                                      \
    WINOGRAD_SUM(op, plus, "r4", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r5", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r6", "r12", "r3")                                                      \
    WINOGRAD_SUM(op, plus, "r7", "lr", "r3")                                                       \
    "ldm.w r1!, {r2, r3}\n\t"                                                                      \
    WINOGRAD_SUM(op, plus, "r8", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r9", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r10", "r12", "r3")                                                     \
    WINOGRAD_SUM(op, plus, "r11", "lr", "r3")

#define WINOGRAD_FIRST WINOGRAD_WORDS("smuad", WINOGRAD_NEW)
#define WINOGRAD_NEXT WINOGRAD_WORDS("smlad", WINOGRAD_MORE)
#define WINOGRAD_CODE 44

#else

/* One channel of both tiles, in r12 and lr, by that of four filters. The other channel of the same
   words comes next, then that of the next words. */
#define WINOGRAD_HALF(op, plus, x, u)                                                              \
    "ldrsh.w r12, [r0], #4\n\t"                                                                    \
    "ldrsh.w lr, [r0], #" x "\n\t"                                                                 \
    "ldrsh.w r2, [r1], #4\n\t"                                                                     \
    "ldrsh.w r3, [r1], #4\n\t"                                                                     \
    WINOGRAD_SUM(op, plus, "r4", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r5", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r6", "r12", "r3")                                                      \
    WINOGRAD_SUM(op, plus, "r7", "lr", "r3")                                                       \
    "ldrsh.w r2, [r1], #4\n\t"                                                                     \
    "ldrsh.w r3, [r1], #" u "\n\t"                                                                 \
    WINOGRAD_SUM(op, plus, "r8", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r9", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r10", "r12", "r3")                                                     \
    WINOGRAD_SUM(op, plus, "r11", "lr", "r3")

/* Both: 112 bytes of code. */
#define WINOGRAD_WORDS(op, plus)                                                                   \
    WINOGRAD_HALF(op, plus, "-2", "-10")                                                           \
    WINOGRAD_HALF("mla", WINOGRAD_MORE, "2", "2")

#define WINOGRAD_FIRST WINOGRAD_WORDS("mul", WINOGRAD_NEW)
#define WINOGRAD_NEXT WINOGRAD_WORDS("mla", WINOGRAD_MORE)
#define WINOGRAD_CODE 112

#endif

/* sums[positions][4 channels][2 tiles] of v[positions][words][2] and u[positions][words][4]. The
   loop of eight words is
   entered where the rest begins; it needs all registers. Of r7 the compiler must not know: it may
   be the frame's pointer. */
SHARED void winograd_products(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words,
                              int32_t positions) {
    register const pair_t *r0 __asm__("r0") = v;
    register const pair_t *r1 __asm__("r1") = u;
    register pair_t *r2 __asm__("r2") = sums;
    register const pair_t *r3 __asm__("r3") = v + 2 * words; /* the end of a position */
    register int32_t r4 __asm__("r4") = 8 * words;
    register pair_t *r5 __asm__("r5") = sums + positions * WINOGRAD_SUMS;
    register int32_t r6 __asm__("r6") = WINOGRAD_CODE * (-(words - 1) & 7);
    __asm__ volatile(
        "push {r2, r3, r4, r5, r6, r7}\n"
        "0:\n\t"
        WINOGRAD_FIRST
        "ldr r2, [sp, #16]\n\t"
        "add pc, r2\n\t"
        "nop\n"
        "1:\n\t"
        WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT
        WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT
        "ldr r12, [sp, #4]\n\t"
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "ldr r2, [sp]\n\t"
        "ldr r3, [sp, #8]\n\t"
        "ldr r12, [sp, #12]\n\t"
        "stm r2!, {r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        "add r3, r3, r0\n\t"
        "strd r2, r3, [sp]\n\t"
        "cmp r2, r12\n\t"
        "bne 0b\n\t"
        "pop {r2, r3, r4, r5, r6, r7}"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6)
        :
        : "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

/* clang-format on */
#else

/* clang-format off */
#if ASCUA_THUMB_1

/* The word of both tiles, a channel in each of r2 to r5: tile 0's in r2 and r3. */
#define WINOGRAD_TILES         \
    "ldmia r0!, {r2, r4}\n\t"  \
    "asrs r3, r2, #16\n\t"     \
    "sxth r2, r2\n\t"          \
    "asrs r5, r4, #16\n\t"     \
    "sxth r4, r4\n\t"

/* Times a word of one filter, to the sums of both tiles. */
#define WINOGRAD_TIMES(at, tile0, tile1) \
    "ldr r6, [r1, #" at "]\n\t"          \
    "sxth r7, r6\n\t"                    \
    "muls r7, r2\n\t"                    \
    "add " tile0 ", r7\n\t"              \
    "sxth r7, r6\n\t"                    \
    "muls r7, r4\n\t"                    \
    "add " tile1 ", r7\n\t"              \
    "asrs r6, r6, #16\n\t"               \
    "movs r7, r6\n\t"                    \
    "muls r7, r3\n\t"                    \
    "add " tile0 ", r7\n\t"              \
    "muls r6, r5\n\t"                    \
    "add " tile1 ", r6\n\t"

/* sums[2 channels][2 tiles] of v[words][2] and the first two of u[words][4]. Of r7 the compiler
   must not know: it may be the frame's pointer. */
KERNEL void winograd_products_of_two(const pair_t *v, const pair_t *u, pair_t *sums,
                                     int32_t words) {
    register const pair_t *r0 __asm__("r0") = v;
    register const pair_t *r1 __asm__("r1") = u;
    register pair_t *r2 __asm__("r2") = sums;
    register const pair_t *r3 __asm__("r3") = v + 2 * words;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r2, r7}\n\t"
        "mov r12, r3\n\t"
        "movs r7, #0\n\t"
        "mov r8, r7\n\t"
        "mov r9, r7\n\t"
        "mov r10, r7\n\t"
        "mov r11, r7\n"
        "1:\n\t"
        WINOGRAD_TILES WINOGRAD_TIMES("0", "r8", "r9") WINOGRAD_TIMES("4", "r10", "r11")
        WINOGRAD_TILES WINOGRAD_TIMES("16", "r8", "r9") WINOGRAD_TIMES("20", "r10", "r11")
        "adds r1, #32\n\t"
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "pop {r2, r7}\n\t"
        "mov r3, r8\n\t"
        "mov r4, r9\n\t"
        "mov r5, r10\n\t"
        "mov r6, r11\n\t"
        "stmia r2!, {r3, r4, r5, r6}"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)
        :
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
}

/* sums[4 channels][2 tiles] of v[words][2] and u[words][4]. */
KERNEL void winograd_position(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words) {
    winograd_products_of_two(v, u, sums, words);
    winograd_products_of_two(v, u + 2, sums + 4, words);
}

/* clang-format on */
#else
/* clang-format on */

/* Four words of filters times one of a tile, both channels, to the sums of a tile. */
KERNEL void winograd_four(uint32_t *s, const s16_t *x, const s16_t *w) {
    const int32_t x0 = x[0], x1 = x[1];
    s[0] += (uint32_t)(x0 * w[0]) + (uint32_t)(x1 * w[1]);
    s[1] += (uint32_t)(x0 * w[2]) + (uint32_t)(x1 * w[3]);
    s[2] += (uint32_t)(x0 * w[4]) + (uint32_t)(x1 * w[5]);
    s[3] += (uint32_t)(x0 * w[6]) + (uint32_t)(x1 * w[7]);
}

/* sums[4 channels][2 tiles] of v[words][2] and u[words][4]. */
KERNEL void winograd_position(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words) {
    const s16_t *x = (const s16_t *)v, *w = (const s16_t *)u;
    uint32_t a[4] = {0, 0, 0, 0}, b[4] = {0, 0, 0, 0};
    for (; words > 0; words--) {
        winograd_four(a, x, w);
        winograd_four(b, x + 2, w);
        x += 4;
        w += 8;
    }
    for (int32_t i = 0; i < 4; i++) {
        sums[2 * i] = a[i];
        sums[2 * i + 1] = b[i];
    }
}

#endif

/* sums[positions][4 channels][2 tiles] of v[positions][words][2] and u[positions][words][4]. */
SHARED void winograd_products(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words,
                              int32_t positions) {
    for (; positions > 0; positions--) {
        winograd_position(v, u, sums, words);
        v += 2 * words;
        u += 4 * words;
        sums += WINOGRAD_SUMS;
    }
    KEEP_ORDER();
}

#endif

/* Where outputs lie: bytes from one to the next. */
typedef struct {
    int32_t row, column, tile;
} winograd_steps_t;

#endif
