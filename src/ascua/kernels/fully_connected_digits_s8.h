/* Fully connected layer: the sums of four outputs, of 24 bits each, are digits of three words, so
   that three products serve four. */
#ifndef ASCUA_FULLY_CONNECTED_DIGITS_S8_H
#define ASCUA_FULLY_CONNECTED_DIGITS_S8_H

#include "fully_connected_s8.h"
#include "int32.h"

typedef struct {
    int32_t rows, k, oc, next, small, zero, low, high; /* as in fully_connected_s8_t */
} fully_connected_digits_s8_t;

/* Bytes 0 and 2 of a word. */
#define FULLY_CONNECTED_DIGITS_S8_EVEN 0x00ff00ffu

/* Of sums A, B, C and D: A + 2^8 B + 2^16 C + 2^24 D, B + 2^16 D and C + 2^8 D, mod 2^32. */
typedef struct {
    uint32_t abcd, bd, cd;
} fully_connected_digits_s8_sums_t;

/* Adds x times four weights, which are the bytes of w. */
KERNEL void fully_connected_digits_s8_tap(fully_connected_digits_s8_sums_t *s, int32_t x,
                                          uint32_t w) {
    s->abcd += (uint32_t)x * w;
    s->bd += (uint32_t)x * (w >> 8 & FULLY_CONNECTED_DIGITS_S8_EVEN);
    s->cd += (uint32_t)x * (w >> 16);
}

#if ASCUA_THUMB_1

/* Times the word of four weights in w, which is used up, by the input in r4. */
#define FULLY_CONNECTED_DIGITS_S8_FOUR(w, abcd, bd, cd) \
    "lsrs r5, " w ", #16\n\t"                           \
    "muls r5, r4\n\t"                                   \
    "add " cd ", r5\n\t"                                \
    "lsrs r5, " w ", #8\n\t"                            \
    "ands r5, r6\n\t"                                   \
    "muls r5, r4\n\t"                                   \
    "add " bd ", r5\n\t"                                \
    "muls " w ", r4\n\t"                                \
    "add " abcd ", " w "\n\t"

/* Adds the products of x[k] and w[k][2]; k is above 0. Of r7 the compiler must not know: it may be
   the frame's pointer. */
KERNEL void fully_connected_digits_s8_eight(fully_connected_digits_s8_sums_t *s, const int8_t *x,
                                            const uint32_t *w, int32_t k) {
    register const int8_t *r0 __asm__("r0") = x + k;
    register const uint32_t *r1 __asm__("r1") = w;
    register fully_connected_digits_s8_sums_t *r2 __asm__("r2") = s;
    register int32_t r3 __asm__("r3") = -k;
    register uint32_t r6 __asm__("r6") = FULLY_CONNECTED_DIGITS_S8_EVEN;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r2, r7}\n\t"
        "mov r7, r3\n\t"
        "ldmia r2!, {r3, r4, r5}\n\t"
        "mov r8, r3\n\t"
        "mov r9, r4\n\t"
        "mov r10, r5\n\t"
        "ldmia r2!, {r3, r4, r5}\n\t"
        "mov r11, r3\n\t"
        "mov r12, r4\n\t"
        "mov lr, r5\n"
        "1:\n\t"
        "ldrsb r4, [r0, r7]\n\t"
        "ldmia r1!, {r2, r3}\n\t" FULLY_CONNECTED_DIGITS_S8_FOUR("r2", "r8", "r9", "r10")
            FULLY_CONNECTED_DIGITS_S8_FOUR("r3", "r11", "r12", "lr") "adds r7, #1\n\t"
                                                                     "bne 1b\n\t"
                                                                     "pop {r2, r7}\n\t"
                                                                     "mov r3, r8\n\t"
                                                                     "mov r4, r9\n\t"
                                                                     "mov r5, r10\n\t"
                                                                     "stmia r2!, {r3, r4, r5}\n\t"
                                                                     "mov r3, r11\n\t"
                                                                     "mov r4, r12\n\t"
                                                                     "mov r5, lr\n\t"
                                                                     "stmia r2!, {r3, r4, r5}"
        : "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r6)
        : "r"(r0)
        : "r4", "r5", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

#else

/* The same of eight weights. The next ones wait for it: GCC would load all first, out of registers.
 */
KERNEL void fully_connected_digits_s8_taps(fully_connected_digits_s8_sums_t *s, int32_t x,
                                           const uint32_t *w) {
    fully_connected_digits_s8_tap(&s[0], x, w[0]);
    fully_connected_digits_s8_tap(&s[1], x, w[1]);
    __asm__ volatile(""
                     : "+r"(s[0].abcd), "+r"(s[0].bd), "+r"(s[0].cd), "+r"(s[1].abcd),
                       "+r"(s[1].bd), "+r"(s[1].cd)
                     :
                     : "memory");
}

/* Adds the products of x[k] and w[k][2]. */
KERNEL void fully_connected_digits_s8_eight(fully_connected_digits_s8_sums_t *s, const int8_t *x,
                                            const uint32_t *w, int32_t k) {
    for (int32_t fours = k >> 2; fours > 0; fours--) {
        fully_connected_digits_s8_taps(s, x[0], w);
        fully_connected_digits_s8_taps(s, x[1], w + 2);
        fully_connected_digits_s8_taps(s, x[2], w + 4);
        fully_connected_digits_s8_taps(s, x[3], w + 6);
        x += 4;
        w += 8;
    }
    for (int32_t rest = k & 3; rest > 0; rest--) {
        fully_connected_digits_s8_taps(s, *x++, w);
        w += 2;
    }
}

#endif

/* The signed number in the lower 24 bits. */
KERNEL int32_t fully_connected_digits_s8_lower(uint32_t v) {
    return (int32_t)(v << 8) >> 8;
}

/* y[oc] and up to three more, of sums of weights that are 128 more each: `more` is 128 times the
   sum of the input. */
KERNEL void fully_connected_digits_s8_outputs(const fully_connected_digits_s8_t *p, int32_t oc,
                                              const fully_connected_digits_s8_sums_t *s,
                                              uint32_t more, const int32_t *bias,
                                              const factor_t *factors, int8_t *y) {
    const uint32_t abcd = s->abcd - more * 0x01010101u, bd = s->bd - more * 0x00010001u;
    const uint32_t cd = s->cd - more * 0x00000101u;
    uint32_t sums[4];
    /* The first is A - 2^24 D. Whatever lies above 24 bits is a digit of D. */
    const uint32_t first = abcd - (bd << 8) - (cd << 16);
    sums[0] = (uint32_t)fully_connected_digits_s8_lower(first);
    uint32_t d = (sums[0] - first) >> 24;
    const uint32_t second = bd - (d << 16);
    sums[1] = (uint32_t)fully_connected_digits_s8_lower(second);
    d += (second - sums[1]) >> 24 << 8;
    const uint32_t third = cd - (d << 8);
    sums[2] = (uint32_t)fully_connected_digits_s8_lower(third);
    d += (third - sums[2]) >> 24 << 16;
    sums[3] = (uint32_t)fully_connected_digits_s8_lower(d);
    const fully_connected_s8_t q = {p->rows,  p->k,    p->oc,  p->next,
                                    p->small, p->zero, p->low, p->high};
    for (int32_t i = 0; i < 4 && oc < p->oc; i++, oc++) {
        y[oc] = fully_connected_s8_requantize(&q, 0, sums[i] + (uint32_t)bias[oc],
                                              &factors[oc * p->next]);
    }
}

/* y[rows][oc] from x[rows][k], words of four weights, 128 more each: weights[oc / 8][k][2], then
   [k] of up to four outputs; bias[oc] and factors[oc], or one factor. */
KERNEL void fully_connected_digits_s8(const fully_connected_digits_s8_t *p, const int8_t *x,
                                      const uint32_t *weights, const int32_t *bias,
                                      const factor_t *factors, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t sum = 0;
        for (int32_t k = 0; k < p->k; k++) {
            sum += x[k];
        }
        const uint32_t more = (uint32_t)sum << 7, *w = weights;
        for (int32_t oc = 0; oc < p->oc; oc += 4) {
            fully_connected_digits_s8_sums_t s[2];
            s[0].abcd = s[0].bd = s[0].cd = s[1].abcd = s[1].bd = s[1].cd = 0;
            if (p->oc - oc > 4) {
                fully_connected_digits_s8_eight(s, x, w, p->k);
                w += 2 * p->k;
                fully_connected_digits_s8_outputs(p, oc, s, more, bias, factors, y);
                oc += 4;
                s[0] = s[1];
            } else {
                for (int32_t k = 0; k < p->k; k++) {
                    fully_connected_digits_s8_tap(s, x[k], *w++);
                }
            }
            fully_connected_digits_s8_outputs(p, oc, s, more, bias, factors, y);
        }
        x += p->k;
        y += p->oc;
    }
}

#endif
