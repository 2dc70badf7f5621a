/* Convolution of one output row with the DSP extension: four channels by two pixels at a time.

   As conv2d_clipped_s8_dsp, with half of its scratch: the words of two windows. */
#ifndef ASCUA_CONV2D_CLIPPED_TWOS_S8_DSP_H
#define ASCUA_CONV2D_CLIPPED_TWOS_S8_DSP_H

#include "clipped.h"
#include "conv2d_s8_dsp.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, words, small, zero, low, high; /* conv2d_s8_dsp_t */
    int32_t left, row, first, inside, fill;                                  /* as in clipped_t */
} conv2d_clipped_twos_s8_dsp_t;

/* Expands four bytes each of two pixels to to[2][2]. */
KERNEL void conv2d_clipped_twos_s8_dsp_split(uint32_t a, uint32_t b, pair_t *to) {
    to[0] = sxtb16(a);
    to[1] = sxtb16(b);
    to[2] = sxtb16_odd(a);
    to[3] = sxtb16_odd(b);
}

/* What runs have beyond fours, as conv2d_s8_dsp_rest. */
SHARED void conv2d_clipped_twos_s8_dsp_rest(const conv2d_clipped_twos_s8_dsp_t *p,
                                            const int8_t *const *rows, int32_t at, int32_t step,
                                            pair_t *x) {
    const clipped_t in = {p->row, p->fill};
    const int32_t rest = p->run & 3, fours = (p->kh * p->runs * rest + 3) >> 2;
    int8_t *const bytes = (int8_t *)(x + 4 * fours);
    int8_t *to = bytes;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        int32_t from = at + p->run - rest;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = from; k < from + rest; k++) {
                to[0] = (int8_t)clipped_byte(&in, rows[ky], k);
                to[4 * fours] = (int8_t)clipped_byte(&in, rows[ky], k + step);
                to++;
            }
            from += p->gap;
        }
    }
    for (int32_t i = 0; i < 4 * fours; i += 4) {
        conv2d_clipped_twos_s8_dsp_split(four_bytes(bytes + i), four_bytes(bytes + 4 * fours + i),
                                         x + i);
    }
    KEEP_ORDER();
}

/* x[words][2] of two windows: the first begins `at` bytes into each row, the other `step` bytes
   further. They have no padding, where they are `inside`. */
KERNEL void conv2d_clipped_twos_s8_dsp_window(const conv2d_clipped_twos_s8_dsp_t *p, int32_t inside,
                                              const int8_t *const *rows, int32_t at, int32_t step,
                                              pair_t *x) {
    const clipped_t in = {p->row, p->fill};
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *r = rows[ky];
        int32_t from = at;
        for (int32_t i = 0; i < p->runs; i++) {
            for (int32_t k = from; k < from + (p->run & ~3); k += 4) {
                const uint32_t a = inside ? four_bytes(r + k) : clipped_four(&in, r, k);
                const uint32_t b =
                    inside ? four_bytes(r + k + step) : clipped_four(&in, r, k + step);
                conv2d_clipped_twos_s8_dsp_split(a, b, x);
                x += 4;
            }
            from += p->gap;
        }
    }
    if (p->run & 3) {
        conv2d_clipped_twos_s8_dsp_rest(p, rows, at, step, x);
    }
}

SHARED void conv2d_clipped_twos_s8_dsp_inner(const conv2d_clipped_twos_s8_dsp_t *p,
                                             const int8_t *const *rows, int32_t at, int32_t step,
                                             pair_t *x) {
    conv2d_clipped_twos_s8_dsp_window(p, 1, rows, at, step, x);
    KEEP_ORDER();
}

SHARED void conv2d_clipped_twos_s8_dsp_edge(const conv2d_clipped_twos_s8_dsp_t *p,
                                            const int8_t *const *rows, int32_t at, int32_t step,
                                            pair_t *x) {
    conv2d_clipped_twos_s8_dsp_window(p, 0, rows, at, step, x);
    KEEP_ORDER();
}

/* Sums of a pair of channels, for two pixels: of the first, `both` with 256 times the second's. */
typedef struct {
    uint32_t a0, a1, both0, both1;
} conv2d_clipped_twos_s8_dsp_sums_t;

/* Adds the products of x[words][2] and a pair's weights. */
KERNEL void conv2d_clipped_twos_s8_dsp_dot(conv2d_clipped_twos_s8_dsp_sums_t *s, const pair_t *x,
                                           const int8_t *w, int32_t words) {
    for (; words > 0; words--) {
        const uint32_t both = four_bytes(w), a = sxtb16(both);
        s->both0 = smlad(x[0], both, s->both0);
        s->both1 = smlad(x[1], both, s->both1);
        s->a0 = smlad(x[0], a, s->a0);
        s->a1 = smlad(x[1], a, s->a1);
        x += 2;
        w += 4;
    }
}

#if ASCUA_DSP
/* A word of weights of each pair, times one of each pixel. */
#define CONV2D_CLIPPED_TWOS_S8_DSP_WORD \
    "ldrd r6, r7, [r10], #8\n\t"        \
    "ldr lr, [r11], #4\n\t"             \
    "smlad r2, r6, lr, r2\n\t"          \
    "smlad r3, r7, lr, r3\n\t"          \
    "sxtb16 lr, lr\n\t"                 \
    "smlad r0, r6, lr, r0\n\t"          \
    "smlad r1, r7, lr, r1\n\t"          \
    "ldr lr, [r12], #4\n\t"             \
    "smlad r8, r6, lr, r8\n\t"          \
    "smlad r9, r7, lr, r9\n\t"          \
    "sxtb16 lr, lr\n\t"                 \
    "smlad r4, r6, lr, r4\n\t"          \
    "smlad r5, r7, lr, r5\n\t"

/* The same for two pairs, fours of words. Of r7 the compiler must not know: it may be the frame's
   pointer. */
KERNEL void conv2d_clipped_twos_s8_dsp_fours(conv2d_clipped_twos_s8_dsp_sums_t *s, const pair_t *x,
                                             const int8_t *w, const int8_t *v, int32_t words) {
    register uint32_t r0 __asm__("r0") = s[0].a0;
    register uint32_t r1 __asm__("r1") = s[0].a1;
    register uint32_t r2 __asm__("r2") = s[0].both0;
    register uint32_t r3 __asm__("r3") = s[0].both1;
    register uint32_t r4 __asm__("r4") = s[1].a0;
    register uint32_t r5 __asm__("r5") = s[1].a1;
    register uint32_t r8 __asm__("r8") = s[1].both0;
    register uint32_t r9 __asm__("r9") = s[1].both1;
    register const pair_t *r6 __asm__("r6") = x + 2 * words;
    register const pair_t *r10 __asm__("r10") = x;
    register const int8_t *r11 __asm__("r11") = w;
    register const int8_t *r12 __asm__("r12") = v;
    /* clang-format off */
    __asm__ volatile(
        "push {r6, r7}\n"
        "1:\n\t"
        CONV2D_CLIPPED_TWOS_S8_DSP_WORD
        CONV2D_CLIPPED_TWOS_S8_DSP_WORD
        CONV2D_CLIPPED_TWOS_S8_DSP_WORD
        CONV2D_CLIPPED_TWOS_S8_DSP_WORD
        "ldr r6, [sp]\n\t"
        "cmp r10, r6\n\t"
        "bne 1b\n\t"
        "pop {r6, r7}"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r8), "+r"(r9),
          "+r"(r10), "+r"(r11), "+r"(r12)
        :
        : "lr", "cc", "memory");
    /* clang-format on */
    const conv2d_clipped_twos_s8_dsp_sums_t first = {r0, r1, r2, r3}, second = {r4, r5, r8, r9};
    s[0] = first;
    s[1] = second;
}
#else
KERNEL void conv2d_clipped_twos_s8_dsp_fours(conv2d_clipped_twos_s8_dsp_sums_t *s, const pair_t *x,
                                             const int8_t *w, const int8_t *v, int32_t words) {
    conv2d_clipped_twos_s8_dsp_dot(&s[0], x, w, words);
    conv2d_clipped_twos_s8_dsp_dot(&s[1], x, v, words);
}
#endif

/* `pairs` of channels, of the two pixels in x; these of y are `next` bytes apart. */
SHARED void conv2d_clipped_twos_s8_dsp_pairs(const conv2d_clipped_twos_s8_dsp_t *p, int32_t pairs,
                                             const pair_t *x, const int8_t *w, const requant_t *q,
                                             int8_t *y, int32_t next) {
    const int32_t fours = p->words & ~3;
    for (int32_t n; pairs > 0; pairs -= n) {
        conv2d_clipped_twos_s8_dsp_sums_t s[2];
        n = pairs > 1 ? 2 : 1;
        for (int32_t i = 0; i < n; i++) {
            s[i].a0 = s[i].a1 = s[i].both0 = s[i].both1 = (uint32_t)q[2 * i].bias;
        }
        int32_t done = 0;
        if (n > 1 && fours > 0) {
            conv2d_clipped_twos_s8_dsp_fours(s, x, w, w + 4 * p->words, fours);
            done = fours;
        }
        for (int32_t i = 0; i < n; i++) {
            conv2d_clipped_twos_s8_dsp_dot(&s[i], x + 2 * done, w + 4 * done, p->words - done);
            const uint32_t b = (uint32_t)q[1].bias;
            y[0] = conv2d_s8_dsp_value(s[i].a0, q, p->zero);
            y[next] = conv2d_s8_dsp_value(s[i].a1, q, p->zero);
            y[1] = conv2d_s8_dsp_value(b + (uint32_t)((int32_t)(s[i].both0 - s[i].a0) >> 8), q + 1,
                                       p->zero);
            y[next + 1] = conv2d_s8_dsp_value(b + (uint32_t)((int32_t)(s[i].both1 - s[i].a1) >> 8),
                                              q + 1, p->zero);
            w += 4 * p->words;
            q += 2;
            y += 2;
        }
    }
    KEEP_ORDER();
}

/* y[ow][oc] from rows[kh] of input, null where a row is padding; weights and requant as for
   conv2d_s8_dsp. */
KERNEL void conv2d_clipped_twos_s8_dsp(const conv2d_clipped_twos_s8_dsp_t *p,
                                       const int8_t *const *rows, const uint8_t *weights,
                                       const requant_t *requant, int8_t *y, void *scratch) {
    const int8_t *w = (const int8_t *)weights;
    const int32_t whole = clipped_whole(rows, p->kh), pairs = p->oc >> 1, even = 2 * pairs;
    /* The only pixel of a row is made twice, and that before an odd last one again. */
    const int32_t other = p->ow > 1;
    for (int32_t next = 0; next < p->ow; next += 2) {
        const int32_t ox = next + 1 < p->ow ? next : p->ow - 1 - other;
        const int32_t at = ox * p->step - p->left, step = other * p->step;
        int8_t *to = y + ox * p->oc;
        if (whole && ox >= p->first && ox + other < p->first + p->inside) {
            conv2d_clipped_twos_s8_dsp_inner(p, rows, at, step, scratch);
        } else {
            conv2d_clipped_twos_s8_dsp_edge(p, rows, at, step, scratch);
        }
        conv2d_clipped_twos_s8_dsp_pairs(p, pairs, scratch, w, requant, to, other * p->oc);
        if (p->oc > even) {
            /* The last channel's pair would lie in the next pixel. */
            int8_t last[4];
            conv2d_clipped_twos_s8_dsp_pairs(p, 1, scratch, w + even * 2 * p->words, requant + even,
                                             last, 2);
            to[even] = last[0];
            to[other * p->oc + even] = last[2];
        }
    }
    const conv2d_s8_dsp_t own = {p->ow,  p->oc,    p->step,  p->kh,   p->runs, p->run,
                                 p->gap, p->words, p->small, p->zero, p->low,  p->high};
    conv2d_s8_dsp_clamp(&own, y);
}

#endif
