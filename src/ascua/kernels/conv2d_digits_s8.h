/* Convolution of one output row, six pixels at a time: the sums of three, of 21 bits each, are
   digits of a word of 64 bits or of two words of 32, so that one product or two serve three. */
#ifndef ASCUA_CONV2D_DIGITS_S8_H
#define ASCUA_CONV2D_DIGITS_S8_H

#include "fixed.h"
#include "int32.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
} conv2d_digits_s8_t;

/* The signed number in the lower 21 bits. */
KERNEL int32_t conv2d_digits_s8_lower(uint32_t v) {
    return (int32_t)(v << 11) >> 11;
}

#if UINTPTR_MAX > 0xffffffffu

/* Of three pixels A + 2^21 B + 2^42 C. */
#define CONV2D_DIGITS_S8_WORDS 1
typedef uint64_t __attribute__((may_alias)) conv2d_digits_s8_word_t;

typedef struct {
    uint64_t abc;
} conv2d_digits_s8_three_t;

KERNEL void conv2d_digits_s8_clear(conv2d_digits_s8_three_t *s) {
    s->abc = 0;
}

KERNEL void conv2d_digits_s8_join(conv2d_digits_s8_word_t *word, int32_t a, int32_t b, int32_t c) {
    *word = (uint64_t)a + ((uint64_t)b << 21) + ((uint64_t)c << 42);
}

KERNEL void conv2d_digits_s8_add(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 int32_t w) {
    s->abc += *x * (uint64_t)w;
}

KERNEL void conv2d_digits_s8_part(const conv2d_digits_s8_three_t *s, uint32_t *sums) {
    const int32_t a = conv2d_digits_s8_lower((uint32_t)s->abc);
    const uint64_t bc = (s->abc - (uint64_t)a) >> 21;
    const int32_t b = conv2d_digits_s8_lower((uint32_t)bc);
    sums[0] = (uint32_t)a;
    sums[1] = (uint32_t)b;
    sums[2] = (uint32_t)conv2d_digits_s8_lower((uint32_t)((bc - (uint64_t)b) >> 21));
}

#else

/* Of three pixels A + 2^21 C and B + 2^10 C, mod 2^32. */
#define CONV2D_DIGITS_S8_WORDS 2
typedef uint32_t __attribute__((may_alias)) conv2d_digits_s8_word_t;

typedef struct {
    uint32_t ac, bc;
} conv2d_digits_s8_three_t;

KERNEL void conv2d_digits_s8_clear(conv2d_digits_s8_three_t *s) {
    s->ac = 0;
    s->bc = 0;
}

KERNEL void conv2d_digits_s8_join(conv2d_digits_s8_word_t *words, int32_t a, int32_t b, int32_t c) {
    words[0] = (uint32_t)a + ((uint32_t)c << 21);
    words[1] = (uint32_t)b + ((uint32_t)c << 10);
}

KERNEL void conv2d_digits_s8_add(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 int32_t w) {
    s->ac += x[0] * (uint32_t)w;
    s->bc += x[1] * (uint32_t)w;
}

KERNEL void conv2d_digits_s8_part(const conv2d_digits_s8_three_t *s, uint32_t *sums) {
    const uint32_t a = (uint32_t)conv2d_digits_s8_lower(s->ac);
    /* The lower 11 bits of C, then the others. */
    const uint32_t c = (s->ac - a) >> 21, upper = s->bc - (c << 10);
    const uint32_t b = (uint32_t)conv2d_digits_s8_lower(upper);
    sums[0] = a;
    sums[1] = b;
    sums[2] = (uint32_t)conv2d_digits_s8_lower(c + ((upper - b) >> 21 << 11));
}

#endif

/* Whether there are registers for the sums of two channels, and no assembly of one. */
#ifdef __arm__
#define CONV2D_DIGITS_S8_TWO 0
#else
#define CONV2D_DIGITS_S8_TWO 1
#endif

/* Words of six pixels. */
#define CONV2D_DIGITS_S8_SIX (2 * CONV2D_DIGITS_S8_WORDS)

#if ASCUA_ARM_32_INTEGER

#define CONV2D_DIGITS_S8_TAP            \
    "ldmia %[x]!, {r2, r3, r4, r5}\n\t" \
    "ldrsb %[v], [%[w]], #1\n\t"        \
    "mla %[s0], r2, %[v], %[s0]\n\t"    \
    "mla %[s1], r3, %[v], %[s1]\n\t"    \
    "mla %[s2], r4, %[v], %[s2]\n\t"    \
    "mla %[s3], r5, %[v], %[s3]\n\t"

/* Adds the products of weights[fours][4] and x[fours][4][6 pixels]; fours is above 0. */
KERNEL void conv2d_digits_s8_dot(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 const int8_t *w, int32_t fours) {
    uint32_t v;
    __asm__ volatile(
        "1:\n\t" CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP
        "subs %[n], %[n], #1\n\t"
        "bne 1b"
        : [s0] "+r"(s[0].ac), [s1] "+r"(s[0].bc), [s2] "+r"(s[1].ac), [s3] "+r"(s[1].bc),
          [x] "+r"(x), [w] "+r"(w), [n] "+r"(fours), [v] "=&r"(v)
        :
        : "r2", "r3", "r4", "r5", "cc", "memory");
}

#elif ASCUA_THUMB_1

/* The index r7 goes up last, which sets the flags. */
#define CONV2D_DIGITS_S8_TAP          \
    "ldmia r0!, {r2, r3, r4, r5}\n\t" \
    "ldrsb r6, [r1, r7]\n\t"          \
    "muls r2, r6\n\t"                 \
    "add r8, r2\n\t"                  \
    "muls r3, r6\n\t"                 \
    "add r9, r3\n\t"                  \
    "muls r4, r6\n\t"                 \
    "add r10, r4\n\t"                 \
    "muls r5, r6\n\t"                 \
    "add r11, r5\n\t"                 \
    "adds r7, #1\n\t"

/* Adds the products of weights[fours][4] and x[fours][4][6 pixels]; fours is above 0. Of r7 the
   compiler must not know: it may be the frame's pointer. */
KERNEL void conv2d_digits_s8_dot(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 const int8_t *w, int32_t fours) {
    register const conv2d_digits_s8_word_t *r0 __asm__("r0") = x;
    register const int8_t *r1 __asm__("r1") = w + 4 * fours;
    register conv2d_digits_s8_three_t *r2 __asm__("r2") = s;
    register int32_t r3 __asm__("r3") = -4 * fours;
    __asm__ volatile(
        ".syntax unified\n\t"
        "push {r2, r7}\n\t"
        "mov r7, r3\n\t"
        "ldmia r2!, {r3, r4, r5, r6}\n\t"
        "mov r8, r3\n\t"
        "mov r9, r4\n\t"
        "mov r10, r5\n\t"
        "mov r11, r6\n"
        "1:\n\t" CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP CONV2D_DIGITS_S8_TAP
        "bne 1b\n\t"
        "pop {r2, r7}\n\t"
        "mov r3, r8\n\t"
        "mov r4, r9\n\t"
        "mov r5, r10\n\t"
        "mov r6, r11\n\t"
        "stmia r2!, {r3, r4, r5, r6}"
        : "+r"(r0), "+r"(r2), "+r"(r3)
        : "r"(r1)
        : "r4", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
}

#else

/* Adds the products of a tap of six pixels. */
KERNEL void conv2d_digits_s8_tap(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 int32_t w) {
    conv2d_digits_s8_add(&s[0], x, w);
    conv2d_digits_s8_add(&s[1], x + CONV2D_DIGITS_S8_WORDS, w);
}

/* Adds the products of weights[fours][4] and x[fours][4][6 pixels]. */
KERNEL void conv2d_digits_s8_dot(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                 const int8_t *w, int32_t fours) {
    for (int32_t n = 2 * fours; n > 0; n--) {
        conv2d_digits_s8_tap(s, x, w[0]);
        conv2d_digits_s8_tap(s, x + CONV2D_DIGITS_S8_SIX, w[1]);
        x += 2 * CONV2D_DIGITS_S8_SIX;
        w += 2;
        KEEP_ORDER();
    }
}

/* The same of two channels, whose weights are a[fours][4] and b[fours][4]. */
KERNEL void conv2d_digits_s8_dots(conv2d_digits_s8_three_t *s, const conv2d_digits_s8_word_t *x,
                                  const int8_t *a, const int8_t *b, int32_t fours) {
    for (int32_t n = 2 * fours; n > 0; n--) {
        conv2d_digits_s8_tap(s, x, a[0]);
        conv2d_digits_s8_tap(s + 2, x, b[0]);
        conv2d_digits_s8_tap(s, x + CONV2D_DIGITS_S8_SIX, a[1]);
        conv2d_digits_s8_tap(s + 2, x + CONV2D_DIGITS_S8_SIX, b[1]);
        x += 2 * CONV2D_DIGITS_S8_SIX;
        a += 2;
        b += 2;
        KEEP_ORDER();
    }
}

#endif

/* words[taps][6 pixels], the half of them of three pixels, of which there are perhaps fewer: the
   last comes in the place of others. Their windows begin `at` bytes into each row. */
KERNEL void conv2d_digits_s8_gather(const conv2d_digits_s8_t *p, const int8_t *const *rows,
                                    int32_t at, int32_t pixels, conv2d_digits_s8_word_t *words) {
    const int32_t second = pixels > 1 ? p->step : 0, third = pixels > 2 ? p->step : 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            const int8_t *a = x, *b = a + second, *c = b + third;
            for (int32_t n = p->run; n > 0; n--) {
                conv2d_digits_s8_join(words, *a++, *b++, *c++);
                words += CONV2D_DIGITS_S8_SIX;
            }
            x += p->gap;
        }
    }
}

/* y[pixels][oc] of the sums of one channel. */
KERNEL void conv2d_digits_s8_end(const conv2d_digits_s8_t *p, const conv2d_digits_s8_three_t *s,
                                 const requant_t *q, int32_t pixels, int8_t *y) {
    const requant_t r = *q; /* which no store to y can change */
    uint32_t sums[6];
    conv2d_digits_s8_part(&s[0], sums);
    conv2d_digits_s8_part(&s[1], sums + 3);
#ifndef __arm__
#pragma GCC unroll 6
#endif
    for (int32_t i = 0; i < pixels; i++) {
        y[i * p->oc] =
            requantize_sum(sums[i] + (uint32_t)r.bias, &r, p->small, p->zero, p->low, p->high);
    }
}

/* y[pixels][oc] of one channel of pixels whose windows are in `words`. */
KERNEL void conv2d_digits_s8_channel(const conv2d_digits_s8_t *p,
                                     const conv2d_digits_s8_word_t *words, const int8_t *w,
                                     int32_t fours, const requant_t *q, int32_t pixels, int8_t *y) {
    conv2d_digits_s8_three_t s[2];
    conv2d_digits_s8_clear(&s[0]);
    conv2d_digits_s8_clear(&s[1]);
    if (fours) {
        conv2d_digits_s8_dot(s, words, w, fours);
    }
    conv2d_digits_s8_end(p, s, q, pixels, y);
}

/* y[pixels][oc] of all channels. */
KERNEL void conv2d_digits_s8_channels(const conv2d_digits_s8_t *p,
                                      const conv2d_digits_s8_word_t *words, const int8_t *w,
                                      const uint16_t *fours, const requant_t *q, int32_t pixels,
                                      int8_t *y) {
    int32_t oc = 0;
#if CONV2D_DIGITS_S8_TWO
    for (; oc + 2 <= p->oc; oc += 2) {
        conv2d_digits_s8_three_t s[4];
        conv2d_digits_s8_clear(&s[0]);
        conv2d_digits_s8_clear(&s[1]);
        conv2d_digits_s8_clear(&s[2]);
        conv2d_digits_s8_clear(&s[3]);
        const int8_t *const second = w + 4 * fours[oc];
        const int32_t both = fours[oc] < fours[oc + 1] ? fours[oc] : fours[oc + 1];
        const conv2d_digits_s8_word_t *const x = words + 4 * CONV2D_DIGITS_S8_SIX * both;
        conv2d_digits_s8_dots(s, words, w, second, both);
        conv2d_digits_s8_dot(s, x, w + 4 * both, fours[oc] - both);
        conv2d_digits_s8_dot(s + 2, x, second + 4 * both, fours[oc + 1] - both);
        conv2d_digits_s8_end(p, s, q + oc, pixels, y + oc);
        conv2d_digits_s8_end(p, s + 2, q + oc + 1, pixels, y + oc + 1);
        w = second + 4 * fours[oc + 1];
    }
#endif
    for (; oc < p->oc; oc++) {
        conv2d_digits_s8_channel(p, words, w, fours[oc], q + oc, pixels, y + oc);
        w += 4 * fours[oc];
    }
}

/* y[ow][oc] from rows[kh] of padded input, weights[fours[oc]][4] of each channel, the rest of which
   are 0, and requant[oc]; scratch is 16 bytes[(taps + 3) & ~3], and 4 more: it is at a word of 32
   bits. */
KERNEL void conv2d_digits_s8(const conv2d_digits_s8_t *p, const int8_t *const *rows,
                             const int8_t *weights, const uint16_t *fours, const requant_t *requant,
                             int8_t *y, void *scratch) {
    const uintptr_t size = sizeof(conv2d_digits_s8_word_t);
    conv2d_digits_s8_word_t *const words = (void *)(((uintptr_t)scratch + size - 1) & -size);
    for (int32_t ox = 0; ox < p->ow; ox += 6) {
        const int32_t left = p->ow - ox, pixels = left < 6 ? left : 6;
        conv2d_digits_s8_gather(p, rows, ox * p->step, pixels, words);
        const int32_t next = ox + 3 < p->ow ? ox + 3 : p->ow - 1;
        conv2d_digits_s8_gather(p, rows, next * p->step, p->ow - next,
                                words + CONV2D_DIGITS_S8_WORDS);
        int8_t *const to = y + ox * p->oc;
        if (pixels == 6) {
            conv2d_digits_s8_channels(p, words, weights, fours, requant, 6, to);
        } else {
            conv2d_digits_s8_channels(p, words, weights, fours, requant, pixels, to);
        }
    }
}

#endif
