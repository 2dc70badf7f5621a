/* Depthwise convolution of one output row with 3x3 filters: the rows of four channels, as int16.

   All that is read of four channels is read before they are written: y may lie where one of the
   input rows does. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_H

#include "requant_dsp.h"

/* Before a loop: two turns at once. */
#if defined(__GNUC__) && !defined(__clang__)
#define DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_TWICE _Pragma("GCC unroll 2")
#else
#define DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_TWICE
#endif

typedef struct {
    int32_t iw, c; /* of a row, what is read of it; four channels at least */
    int32_t ow;
    int32_t pairs; /* of columns, with padding: each is a word of every channel */
    int32_t left;  /* columns of padding left of a row */
    int32_t next;  /* columns from a window to the next: 1 or 2 */
    int32_t fill;  /* the value of padding */
    int32_t zero, low, high;
} depthwise_conv2d_3x3_rows_fours_s8_dsp_t;

/* Both columns of a pair, four bytes each, as a word of each channel. */
KERNEL void depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(uint32_t u, uint32_t v, pair_t *to) {
    const uint32_t u02 = sxtb16(u), v02 = sxtb16(v), u13 = sxtb16_odd(u), v13 = sxtb16_odd(v);
    to[0] = lower_halves(u02, v02);
    to[1] = lower_halves(u13, v13);
    to[2] = upper_halves(u02, v02);
    to[3] = upper_halves(u13, v13);
}

/* to[pairs][3][4] of a row of four channels, but what is padding altogether. */
KERNEL void
depthwise_conv2d_3x3_rows_fours_s8_dsp_row(const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p,
                                           const int8_t *x, pair_t *to) {
    const uint32_t fill = (uint8_t)p->fill * 0x01010101u;
    const int8_t *const end = x + p->iw * p->c;
    to += 12 * (p->left >> 1);
    if (p->left & 1) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(fill, four_bytes(x), to);
        x += p->c;
        to += 12;
    }
    DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_TWICE
    for (int32_t n = (p->iw - (p->left & 1)) >> 1; n > 0; n--) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(four_bytes(x), four_bytes(x + p->c), to);
        x += 2 * p->c;
        to += 12;
    }
    if (x != end) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(four_bytes(x), fill, to);
    }
}

/* Words of taps 0 and 1, and 1 and 2, of each row of a filter. */
typedef struct {
    uint32_t a0, b0, a1, b1, a2, b2;
} depthwise_conv2d_3x3_rows_fours_s8_dsp_taps_t;

/* What becomes of sums: they stay in memory, as registers are needed for taps. */
typedef struct {
    uint32_t bias;
    rescale_dsp_t r;
} depthwise_conv2d_3x3_rows_fours_s8_dsp_rest_t;

/* Two outputs, of windows that begin in x[...][3][4]. */
KERNEL void depthwise_conv2d_3x3_rows_fours_s8_dsp_two(
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p, const pair_t *x,
    depthwise_conv2d_3x3_rows_fours_s8_dsp_taps_t k,
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_rest_t *q, int8_t *y) {
    KEEP_ORDER();
    uint32_t s = q->bias, t = s;
    const uint32_t u0 = x[0], v0 = x[12], u1 = x[4], v1 = x[16];
    s = smlad(u0, k.a0, s);
    s = smlatb(k.b0, v0, s);
    s = smlad(u1, k.a1, s);
    s = smlatb(k.b1, v1, s);
    if (p->next == 1) {
        t = smlatb(u0, k.a0, t);
        t = smlad(v0, k.b0, t);
        t = smlatb(u1, k.a1, t);
        t = smlad(v1, k.b1, t);
    } else {
        t = smlad(v0, k.a0, t);
        t = smlatb(k.b0, x[24], t);
        t = smlad(v1, k.a1, t);
        t = smlatb(k.b1, x[28], t);
    }
    KEEP_ORDER();
    const uint32_t u2 = x[8], v2 = x[20];
    s = smlad(u2, k.a2, s);
    s = smlatb(k.b2, v2, s);
    if (p->next == 1) {
        t = smlatb(u2, k.a2, t);
        t = smlad(v2, k.b2, t);
    } else {
        t = smlad(v2, k.a2, t);
        t = smlatb(k.b2, x[32], t);
    }
    KEEP_ORDER();
    const rescale_dsp_t r = q->r;
    y[0] = requantize_twice(s << 1, r, p->low, p->high);
    y[p->c] = requantize_twice(t << 1, r, p->low, p->high);
}

/* One output. */
KERNEL void depthwise_conv2d_3x3_rows_fours_s8_dsp_one(
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p, const pair_t *x,
    depthwise_conv2d_3x3_rows_fours_s8_dsp_taps_t k,
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_rest_t *q, int8_t *y) {
    KEEP_ORDER();
    uint32_t s = q->bias;
    s = smlad(x[0], k.a0, s);
    s = smlatb(k.b0, x[12], s);
    s = smlad(x[4], k.a1, s);
    s = smlatb(k.b1, x[16], s);
    s = smlad(x[8], k.a2, s);
    s = smlatb(k.b2, x[20], s);
    *y = requantize_twice(s << 1, q->r, p->low, p->high);
}

/* y[ow] of a channel out of x[pairs][3][4]; its weights are w[3][4]. */
KERNEL void
depthwise_conv2d_3x3_rows_fours_s8_dsp_outputs(const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p,
                                               const pair_t *x, const int8_t *w, const requant_t *q,
                                               int8_t *y) {
    const uint32_t w0 = four_bytes(w), w1 = four_bytes(w + 4), w2 = four_bytes(w + 8);
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_taps_t k = {
        sxtb16(w0), sxtb16_odd(w0), sxtb16(w1), sxtb16_odd(w1), sxtb16(w2), sxtb16_odd(w2)};
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_rest_t rest = {
        (uint32_t)q->bias, rescale_dsp(q->multiplier, q->shift, p->zero)};
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_rest_t *from = &rest;
#if ASCUA_DSP
    __asm__ volatile("" : "+r"(from) : : "memory");
#endif
    DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_TWICE
    for (int32_t n = p->ow >> 1; n > 0; n--) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_two(p, x, k, from, y);
        x += 12 * p->next;
        y += 2 * p->c;
    }
    if (p->ow & 1) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_one(p, x, k, from, y);
    }
}

/* y[ow][c] from rows[3] of input, null where a row is padding, weights[c][3][4], the taps 0, 1, 1
   and 2 of a row, and requant[c]; scratch is uint32_t[pairs][3][4]. */
KERNEL void
depthwise_conv2d_3x3_rows_fours_s8_dsp(const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p,
                                       const int8_t *const *rows, const int8_t *weights,
                                       const requant_t *requant, int8_t *y, void *scratch) {
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_t own = *p; /* which no store changes */
    pair_t *const words = scratch;
    for (int32_t i = 0; i < 12 * own.pairs; i++) {
        words[i] = two_s16(own.fill, own.fill);
    }
    for (int32_t i = 0; i < own.c; i += 4) {
        /* Of less than four channels those before are read, too. */
        const int32_t first = i + 4 > own.c ? own.c - 4 : i;
        for (int32_t ky = 0; ky < 3; ky++) {
            if (rows[ky]) {
                depthwise_conv2d_3x3_rows_fours_s8_dsp_row(&own, rows[ky] + first, words + 4 * ky);
            }
        }
        for (int32_t k = i; k < first + 4; k++) {
            depthwise_conv2d_3x3_rows_fours_s8_dsp_outputs(&own, words + (k - first),
                                                           weights + 12 * k, requant + k, y + k);
        }
    }
}

#endif
