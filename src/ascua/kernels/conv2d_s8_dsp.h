/* Convolution of one output row with the DSP extension: two channels by four pixels at a time.

   The windows of four pixels are expanded once, to pairs of int16, for all channels: a word a pixel
   with elements 0 and 2 of four, then a word a pixel with elements 1 and 3. Weights stay bytes: a
   word of channels A and B has A0, B0, A2, B2, the next A1, B1, A3, B3, so that SXTB16 gives A's
   pair. The word as it is gives 256 * B + A, as B is stored less 1 where A is negative; B's sum is
   what is left of A's. It has to stay below 2^23. */
#ifndef ASCUA_CONV2D_S8_DSP_H
#define ASCUA_CONV2D_S8_DSP_H

#include "dsp.h"
#include "fixed.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;      /* bytes from one window to the next: sx * ic */
    int32_t kh;        /* rows of the filter */
    int32_t runs, run; /* runs of adjacent bytes in a row of the filter, and their length */
    int32_t gap;       /* bytes from one run to the next: dx * ic */
    int32_t words;     /* pairs of elements in a window, filled up to an even number */
    int32_t small;     /* whether the shifts of all channels are positive */
    int32_t zero, low, high;
} conv2d_s8_dsp_t;

/* Expands four bytes each of four pixels to to[2][4]. */
KERNEL void conv2d_s8_dsp_split(uint32_t a, uint32_t b, uint32_t c, uint32_t d, pair_t *to) {
#if ASCUA_DSP
    register uint32_t r0 __asm__("r0") = a;
    register uint32_t r1 __asm__("r1") = b;
    register uint32_t r2 __asm__("r2") = c;
    register uint32_t r3 __asm__("r3") = d;
    __asm__ volatile("sxtb16 r4, r0\n\t"
                     "sxtb16 r5, r1\n\t"
                     "sxtb16 r6, r2\n\t"
                     "sxtb16 r8, r3\n\t"
                     "stm %[to]!, {r4, r5, r6, r8}\n\t"
                     "sxtb16 r0, r0, ror #8\n\t"
                     "sxtb16 r1, r1, ror #8\n\t"
                     "sxtb16 r2, r2, ror #8\n\t"
                     "sxtb16 r3, r3, ror #8\n\t"
                     "stm %[to]!, {r0, r1, r2, r3}"
                     : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), [to] "+r"(to)
                     :
                     : "r4", "r5", "r6", "r8", "memory");
#else
    to[0] = sxtb16(a);
    to[1] = sxtb16(b);
    to[2] = sxtb16(c);
    to[3] = sxtb16(d);
    to[4] = sxtb16_odd(a);
    to[5] = sxtb16_odd(b);
    to[6] = sxtb16_odd(c);
    to[7] = sxtb16_odd(d);
#endif
}

/* The same for 4 * n bytes of pixels that are `step` bytes apart; answers the end. */
KERNEL pair_t *conv2d_s8_dsp_expand(const int8_t *x, int32_t step, int32_t n, pair_t *to) {
    for (; n > 0; n--) {
        conv2d_s8_dsp_split(four_bytes(x), four_bytes(x + step), four_bytes(x + 2 * step),
                            four_bytes(x + 3 * step), to);
        x += 4;
        to += 8;
    }
    return to;
}

/* What runs have beyond fours, through bytes behind it: as conv2d_s8_dsp_window, which it ends. */
SHARED void conv2d_s8_dsp_rest(const conv2d_s8_dsp_t *p, const int8_t *const *rows, int32_t at,
                               int32_t step, pair_t *x) {
    const int32_t rest = p->run & 3, fours = (p->kh * p->runs * rest + 3) >> 2;
    int8_t *const bytes = (int8_t *)(x + 8 * fours);
    int8_t *to = bytes;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *in = rows[ky] + at + p->run - rest;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = 0; k < rest; k++) {
                to[0] = in[k];
                to[4 * fours] = in[k + step];
                to[8 * fours] = in[k + 2 * step];
                to[12 * fours] = in[k + 3 * step];
                to++;
            }
            in += p->gap;
        }
    }
    conv2d_s8_dsp_expand(bytes, 4 * fours, fours, x);
    KEEP_ORDER();
}

/* x[words][4] of four windows: the first begins `at` bytes into each row, the others `step` bytes
   further each. */
SHARED void conv2d_s8_dsp_window(const conv2d_s8_dsp_t *p, const int8_t *const *rows, int32_t at,
                                 int32_t step, pair_t *x) {
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *in = rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            x = conv2d_s8_dsp_expand(in, step, p->run >> 2, x);
            in += p->gap;
        }
    }
    if (p->run & 3) {
        conv2d_s8_dsp_rest(p, rows, at, step, x);
    }
    KEEP_ORDER();
}

/* A small sum as int8, as requantize_small(). */
KERNEL int8_t conv2d_s8_dsp_small(uint32_t sum, const requant_t *q, int32_t zero) {
    const int32_t v = smmulr((int32_t)(sum << 1), q->multiplier);
    /* Half of the last bit, and the zero point. */
    const int32_t half = (2 * zero + 1) * (1 << (q->shift - 1));
    return (int8_t)saturate((v + (v >> 31) + half) >> q->shift);
}

/* A sum as int8. */
KERNEL int8_t conv2d_s8_dsp_value(uint32_t sum, const requant_t *q, int32_t zero) {
    if (q->shift > 0) {
        return conv2d_s8_dsp_small(sum, q, zero);
    }
    const requant_t large = {0, q->multiplier, q->shift + 64};
    return requantize((int32_t)sum, &large, zero, -128, 127);
}

/* Channels A and B of the first pixel in x[words][4]. */
KERNEL void conv2d_s8_dsp_pair(const pair_t *x, const int8_t *w, int32_t words, const requant_t *q,
                               int32_t zero, int8_t *y) {
    uint32_t a = (uint32_t)q->bias, b = a;
    for (; words > 0; words -= 2) {
        uint32_t both = four_bytes(w);
        a = smlad(x[0], sxtb16(both), a);
        b = smlad(x[0], both, b);
        both = four_bytes(w + 4);
        a = smlad(x[4], sxtb16(both), a);
        b = smlad(x[4], both, b);
        x += 8;
        w += 8;
    }
    const int32_t other = (int32_t)(b - a) >> 8;
    y[0] = conv2d_s8_dsp_value(a, q, zero);
    y[1] = conv2d_s8_dsp_value((uint32_t)q[1].bias + (uint32_t)other, &q[1], zero);
}

/* Sums of the channels of two pairs. */
typedef struct {
    uint32_t a0, b0, a1, b1;
} conv2d_s8_dsp_sums_t;

/* Adds the products of a word of both pairs, of which so many are before it, and that of the first
   pixel in x[...][4]. */
KERNEL void conv2d_s8_dsp_word(const pair_t *x, const int8_t *w0, const int8_t *w1,
                               const int32_t before, conv2d_s8_dsp_sums_t *s) {
    uint32_t v, both0, both1;
#if ASCUA_DSP
    /* Loads in a row take a cycle each. */
    __asm__ volatile(
        "ldr %[v], [%[x], %[x_at]]\n\t"
        "ldr %[both0], [%[w0], %[w_at]]\n\t"
        "ldr %[both1], [%[w1], %[w_at]]"
        : [v] "=&r"(v), [both0] "=&r"(both0), [both1] "=r"(both1)
        : [x] "r"(x), [w0] "r"(w0), [w1] "r"(w1), [x_at] "i"(16 * before), [w_at] "i"(4 * before)
        : "memory");
#else
    v = x[4 * before];
    both0 = four_bytes(w0 + 4 * before);
    both1 = four_bytes(w1 + 4 * before);
#endif
    s->b0 = smlad(v, both0, s->b0);
    s->b1 = smlad(v, both1, s->b1);
    s->a0 = smlad(v, sxtb16(both0), s->a0);
    s->a1 = smlad(v, sxtb16(both1), s->a1);
}

/* Four channels of the first pixel in x[words][4], small sums. */
KERNEL void conv2d_s8_dsp_two_pairs(const pair_t *x, const int8_t *w, int32_t words,
                                    const requant_t *q, int32_t zero, int8_t *y) {
    conv2d_s8_dsp_sums_t s = {(uint32_t)q[0].bias, (uint32_t)q[0].bias, (uint32_t)q[2].bias,
                              (uint32_t)q[2].bias};
    const int8_t *v = w + 4 * words;
    if (words & 2) {
        conv2d_s8_dsp_word(x, w, v, 0, &s);
        conv2d_s8_dsp_word(x, w, v, 1, &s);
        x += 8;
        w += 8;
        v += 8;
    }
    for (const pair_t *end = x + 16 * (words >> 2); x != end; x += 16) {
        conv2d_s8_dsp_word(x, w, v, 0, &s);
        conv2d_s8_dsp_word(x, w, v, 1, &s);
        conv2d_s8_dsp_word(x, w, v, 2, &s);
        conv2d_s8_dsp_word(x, w, v, 3, &s);
        w += 16;
        v += 16;
    }
    const int32_t other0 = (int32_t)(s.b0 - s.a0) >> 8, other1 = (int32_t)(s.b1 - s.a1) >> 8;
    y[0] = conv2d_s8_dsp_small(s.a0, &q[0], zero);
    y[1] = conv2d_s8_dsp_small((uint32_t)q[1].bias + (uint32_t)other0, &q[1], zero);
    y[2] = conv2d_s8_dsp_small(s.a1, &q[2], zero);
    y[3] = conv2d_s8_dsp_small((uint32_t)q[3].bias + (uint32_t)other1, &q[3], zero);
}

#if ASCUA_DSP
/* clang-format off */

/* A word of weights, times one of each pixel: 48 bytes of code. */
#define CONV2D_S8_DSP_WORD       \
    "ldr r12, [r11], #4\n\t"     \
    "sxtb16 lr, r12\n\t"         \
    "ldrd r6, r7, [r10], #8\n\t" \
    "smlad r0, r6, lr, r0\n\t"   \
    "smlad r4, r6, r12, r4\n\t"  \
    "smlad r1, r7, lr, r1\n\t"   \
    "smlad r5, r7, r12, r5\n\t"  \
    "ldrd r6, r7, [r10], #8\n\t" \
    "smlad r2, r6, lr, r2\n\t"   \
    "smlad r8, r6, r12, r8\n\t"  \
    "smlad r3, r7, lr, r3\n\t"   \
    "smlad r9, r7, r12, r9\n\t"

#define CONV2D_S8_DSP_WORDS                                                                        \
    CONV2D_S8_DSP_WORD CONV2D_S8_DSP_WORD CONV2D_S8_DSP_WORD CONV2D_S8_DSP_WORD

/* A small sum as int8, in place. */
#define CONV2D_S8_DSP_VALUE(sum)                                                                   \
    "lsl " sum ", " sum ", #1\n\t"                                                                 \
    "smmulr " sum ", " sum ", r6\n\t"                                                              \
    "add " sum ", " sum ", " sum ", asr #31\n\t"                                                   \
    "add " sum ", " sum ", r10\n\t"                                                                \
    "asr " sum ", " sum ", r7\n\t"                                                                 \
    "ssat " sum ", #8, " sum "\n\t"

/* Those of a channel whose multiplier and shift lie `at` bytes behind r12. */
#define CONV2D_S8_DSP_VALUES(at, s0, s1, s2, s3)                                                   \
    "ldrd r6, r7, [r12, #" at "]\n\t"                                                              \
    "lsl r10, lr, r7\n\t"                                                                          \
    "asr r10, r10, #1\n\t"                                                                         \
    CONV2D_S8_DSP_VALUE(s0)                                                                        \
    CONV2D_S8_DSP_VALUE(s1)                                                                        \
    CONV2D_S8_DSP_VALUE(s2)                                                                        \
    CONV2D_S8_DSP_VALUE(s3)

/* Both channels of a pixel; then the next pixel. */
#define CONV2D_S8_DSP_STORE(a, b)                                                                  \
    "strb " a ", [r6]\n\t"                                                                         \
    "strb " b ", [r6, #1]\n\t"                                                                     \
    "add r6, r6, r7\n\t"

/* clang-format on */

/* Both channels of `pairs`, of four pixels, small sums: y[4] `next` bytes apart. Sums of A are in
   r0 to r3, of B in r4, r5, r8 and r9. The loop of eight words is entered where the rest begins; it
   needs all registers. Of r7 the compiler must not know: it may be the frame's pointer. */
KERNEL void conv2d_s8_dsp_pairs(int32_t pairs, const pair_t *x, const int8_t *w, int32_t words,
                                const requant_t *q, int32_t zero, int8_t *y, int32_t next) {
    register const requant_t *r0 __asm__("r0") = q + 2 * pairs;
    register int32_t r1 __asm__("r1") = 2 * zero + 1;
    register int8_t *r2 __asm__("r2") = y;
    register int32_t r3 __asm__("r3") = next;
    register int32_t r4 __asm__("r4") = 48 * (-words & 7);
    register const pair_t *r6 __asm__("r6") = x + 4 * words;
    register const pair_t *r10 __asm__("r10") = x;
    register const int8_t *r11 __asm__("r11") = w;
    register const requant_t *r12 __asm__("r12") = q;
    /* clang-format off */
    __asm__ volatile(
        "push {r0, r1, r2, r3, r4, r6, r7, r10, r12}\n"
        "0:\n\t"
        "ldr r0, [r12]\n\t" /* A's bias; from B's sums it is taken with A's */
        "ldr r7, [sp, #16]\n\t"
        "mov r1, r0\n\t"
        "mov r2, r0\n\t"
        "mov r3, r0\n\t"
        "mov r4, r0\n\t"
        "mov r5, r0\n\t"
        "mov r8, r0\n\t"
        "mov r9, r0\n\t"
        "add pc, r7\n\t"
        "nop\n"
        "1:\n\t"
        CONV2D_S8_DSP_WORDS
        CONV2D_S8_DSP_WORDS
        "ldr r6, [sp, #20]\n\t"
        "cmp r10, r6\n\t"
        "bne 1b\n\t"
        "ldr r12, [sp, #32]\n\t" /* q */
        "ldr lr, [sp, #4]\n\t"   /* 2 * zero + 1 */
        "ldr r6, [r12, #12]\n\t" /* B's bias */
        "sub r4, r4, r0\n\t"
        "sub r5, r5, r1\n\t"
        "sub r8, r8, r2\n\t"
        "sub r9, r9, r3\n\t"
        "add r4, r6, r4, asr #8\n\t"
        "add r5, r6, r5, asr #8\n\t"
        "add r8, r6, r8, asr #8\n\t"
        "add r9, r6, r9, asr #8\n\t"
        CONV2D_S8_DSP_VALUES("16", "r4", "r5", "r8", "r9")
        CONV2D_S8_DSP_VALUES("4", "r0", "r1", "r2", "r3")
        "ldrd r6, r7, [sp, #8]\n\t" /* y and next */
        "add r10, r6, #2\n\t"
        CONV2D_S8_DSP_STORE("r0", "r4")
        CONV2D_S8_DSP_STORE("r1", "r5")
        CONV2D_S8_DSP_STORE("r2", "r8")
        CONV2D_S8_DSP_STORE("r3", "r9")
        "str r10, [sp, #8]\n\t"
        "add r12, r12, #24\n\t"
        "str r12, [sp, #32]\n\t"
        "ldr r0, [sp]\n\t"
        "ldr r6, [sp, #20]\n\t"
        "ldr r10, [sp, #28]\n\t"
        "cmp r12, r0\n\t"
        "bne 0b\n\t"
        "pop {r0, r1, r2, r3, r4, r6, r7, r10, r12}"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r6), "+r"(r10), "+r"(r11), "+r"(r12)
        :
        : "r5", "r8", "r9", "lr", "cc", "memory");
    /* clang-format on */
}
#endif

/* Channels A and B of the pixels in x[words][4], `pairs` times; pixels of y are `next` bytes apart.
 */
SHARED void conv2d_s8_dsp_four(const conv2d_s8_dsp_t *p, int32_t pairs, const pair_t *x,
                               const int8_t *w, const requant_t *q, int8_t *y, int32_t next) {
    for (int32_t n; pairs > 0; pairs -= n) {
        n = 1;
#if ASCUA_DSP
        if (q->shift > 0) {
            n = p->small ? pairs : 1;
            conv2d_s8_dsp_pairs(n, x, w, p->words, q, p->zero, y, next);
        } else
#endif
        {
            for (int32_t i = 0; i < 4; i++) {
                conv2d_s8_dsp_pair(x + i, w, p->words, q, p->zero, y + i * next);
            }
        }
        w += 4 * n * p->words;
        q += 2 * n;
        y += 2 * n;
    }
    KEEP_ORDER();
}

/* The same for the first pixel. */
SHARED void conv2d_s8_dsp_one(const conv2d_s8_dsp_t *p, int32_t pairs, const pair_t *x,
                              const int8_t *w, const requant_t *q, int8_t *y) {
    for (; p->small && pairs > 1; pairs -= 2) {
        conv2d_s8_dsp_two_pairs(x, w, p->words, q, p->zero, y);
        w += 8 * p->words;
        q += 4;
        y += 4;
    }
    for (; pairs > 0; pairs--) {
        conv2d_s8_dsp_pair(x, w, p->words, q, p->zero, y);
        w += 4 * p->words;
        q += 2;
        y += 2;
    }
    KEEP_ORDER();
}

/* y[pixels][oc] of 4 pixels or 1, whose windows are in x. */
KERNEL void conv2d_s8_dsp_channels(const conv2d_s8_dsp_t *p, int32_t pixels, const int8_t *w,
                                   const requant_t *q, int8_t *y, const pair_t *x) {
    const int32_t pairs = p->oc >> 1, even = 2 * pairs;
    if (pixels > 1) {
        conv2d_s8_dsp_four(p, pairs, x, w, q, y, p->oc);
    } else {
        conv2d_s8_dsp_one(p, pairs, x, w, q, y);
    }
    if (p->oc > even) {
        /* The last channel's pair would lie in the next pixel. */
        int8_t last[8];
        conv2d_s8_dsp_four(p, 1, x, w + even * 2 * p->words, q + even, last, 2);
        for (int32_t i = 0; i < pixels; i++) {
            y[i * p->oc + even] = last[2 * i];
        }
    }
}

/* y[pixels][oc] of 4 pixels or 1, whose windows begin `at` bytes into each row and further. */
KERNEL void conv2d_s8_dsp_pixels(const conv2d_s8_dsp_t *p, int32_t pixels,
                                 const int8_t *const *rows, int32_t at, const int8_t *w,
                                 const requant_t *q, int8_t *y, pair_t *x) {
    conv2d_s8_dsp_window(p, rows, at, pixels > 1 ? p->step : 0, x);
    conv2d_s8_dsp_channels(p, pixels, w, q, y, x);
}

/* Clamps y[ow][oc], where an activation says so. */
KERNEL void conv2d_s8_dsp_clamp(const conv2d_s8_dsp_t *p, int8_t *y) {
    if (p->low > -128 || p->high < 127) {
        for (int32_t i = 0; i < p->ow * p->oc; i++) {
            y[i] = clamp_s8(y[i], p->low, p->high);
        }
    }
}

/* y[ow][oc] from rows[kh] of padded input, weights[(oc + 1) / 2][words][4] and requant[...], for an
   even number of channels. A positive shift is to the right, of small sums, 1 to 23 bits, in both
   channels of a pair; others are 64 less than they are. */
KERNEL void conv2d_s8_dsp(const conv2d_s8_dsp_t *p, const int8_t *const *rows,
                          const uint8_t *weights, const requant_t *requant, int8_t *y,
                          void *scratch) {
    const int8_t *w = (const int8_t *)weights;
    int32_t ox = 0;
    while (ox < p->ow) {
        /* Of two or three that are left, those before are computed twice. */
        const int32_t left = p->ow - ox;
        if (left > 1 && p->ow >= 4) {
            ox = left < 4 ? p->ow - 4 : ox;
            conv2d_s8_dsp_pixels(p, 4, rows, ox * p->step, w, requant, y + ox * p->oc, scratch);
            ox += 4;
        } else {
            conv2d_s8_dsp_pixels(p, 1, rows, ox * p->step, w, requant, y + ox * p->oc, scratch);
            ox += 1;
        }
    }
    conv2d_s8_dsp_clamp(p, y);
}

#endif
