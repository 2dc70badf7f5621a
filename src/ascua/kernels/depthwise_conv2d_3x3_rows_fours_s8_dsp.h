/* Depthwise convolution of one output row with 3x3 filters: the rows of four channels, as int16.

   All that is read of four channels is read before they are written: y may lie where one of the
   input rows does. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_FOURS_S8_DSP_H

#include "requant_dsp.h"

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
    to[0] = (u02 & 0xffff) | v02 << 16;
    to[1] = (u13 & 0xffff) | v13 << 16;
    to[2] = u02 >> 16 | (v02 & 0xffff0000);
    to[3] = u13 >> 16 | (v13 & 0xffff0000);
}

/* to[pairs][3][4] of a row of four channels: they are the upper ones of four bytes, shifted. */
KERNEL void
depthwise_conv2d_3x3_rows_fours_s8_dsp_row(const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p,
                                           const int8_t *x, int32_t shift, pair_t *to) {
    const uint32_t fill = (uint8_t)p->fill * 0x01010101u;
    int32_t column = -p->left, rest = p->pairs;
    if (!x) {
        for (; rest > 0; rest--) {
            depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(fill, fill, to);
            to += 12;
        }
        return;
    }
    for (; column < 0 && rest > 0; rest--) {
        /* Padding is at most two columns wide. */
        const uint32_t v = column + 1 < 0 ? fill : four_bytes(x) >> shift;
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(fill, v, to);
        column += 2;
        to += 12;
    }
    x += column * p->c;
    for (; rest > 0 && column + 2 <= p->iw; rest--) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(four_bytes(x) >> shift,
                                                    four_bytes(x + p->c) >> shift, to);
        x += 2 * p->c;
        column += 2;
        to += 12;
    }
    for (; rest > 0; rest--) {
        const uint32_t u = column < p->iw ? four_bytes(x) >> shift : fill;
        depthwise_conv2d_3x3_rows_fours_s8_dsp_pair(u, fill, to);
        column += 2;
        to += 12;
    }
}

/* A channel: words of taps 0 and 1, and 1 and 2, of each row of its filter; what rescales it. */
typedef struct {
    uint32_t a0, b0, a1, b1, a2, b2, bias;
    rescale_dsp_t r;
} depthwise_conv2d_3x3_rows_fours_s8_dsp_channel_t;

/* Two outputs, of windows that begin in x[...][3][4]. */
KERNEL void depthwise_conv2d_3x3_rows_fours_s8_dsp_two(
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p, const pair_t *x,
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_channel_t *k, int8_t *y) {
    uint32_t s = k->bias, t = s;
    const uint32_t u0 = x[0], u1 = x[4], u2 = x[8], v0 = x[12], v1 = x[16], v2 = x[20];
    s = smlad(u0, k->a0, s);
    s = smlatb(k->b0, v0, s);
    s = smlad(u1, k->a1, s);
    s = smlatb(k->b1, v1, s);
    s = smlad(u2, k->a2, s);
    s = smlatb(k->b2, v2, s);
    if (p->next == 1) {
        t = smlatb(u0, k->a0, t);
        t = smlad(v0, k->b0, t);
        t = smlatb(u1, k->a1, t);
        t = smlad(v1, k->b1, t);
        t = smlatb(u2, k->a2, t);
        t = smlad(v2, k->b2, t);
    } else {
        t = smlad(v0, k->a0, t);
        t = smlatb(k->b0, x[24], t);
        t = smlad(v1, k->a1, t);
        t = smlatb(k->b1, x[28], t);
        t = smlad(v2, k->a2, t);
        t = smlatb(k->b2, x[32], t);
    }
    y[0] = requantize_twice(s << 1, k->r, p->low, p->high);
    y[p->c] = requantize_twice(t << 1, k->r, p->low, p->high);
}

KERNEL void depthwise_conv2d_3x3_rows_fours_s8_dsp_one(
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p, const pair_t *x,
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_channel_t *k, int8_t *y) {
    uint32_t s = k->bias;
    s = smlad(x[0], k->a0, s);
    s = smlatb(k->b0, x[12], s);
    s = smlad(x[4], k->a1, s);
    s = smlatb(k->b1, x[16], s);
    s = smlad(x[8], k->a2, s);
    s = smlatb(k->b2, x[20], s);
    *y = requantize_twice(s << 1, k->r, p->low, p->high);
}

/* y[ow] of a channel out of x[pairs][3][4]; its weights are w[3][4]. */
KERNEL void
depthwise_conv2d_3x3_rows_fours_s8_dsp_outputs(const depthwise_conv2d_3x3_rows_fours_s8_dsp_t *p,
                                               const pair_t *x, const int8_t *w, const requant_t *q,
                                               int8_t *y) {
    const uint32_t w0 = four_bytes(w), w1 = four_bytes(w + 4), w2 = four_bytes(w + 8);
    const depthwise_conv2d_3x3_rows_fours_s8_dsp_channel_t k = {
        sxtb16(w0),        sxtb16_odd(w0),
        sxtb16(w1),        sxtb16_odd(w1),
        sxtb16(w2),        sxtb16_odd(w2),
        (uint32_t)q->bias, rescale_dsp(q->multiplier, q->shift, p->zero)};
    for (int32_t n = p->ow >> 1; n > 0; n--) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_two(p, x, &k, y);
        x += 12 * p->next;
        y += 2 * p->c;
    }
    if (p->ow & 1) {
        depthwise_conv2d_3x3_rows_fours_s8_dsp_one(p, x, &k, y);
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
    for (int32_t i = 0; i < own.c; i += 4) {
        /* Of less than four channels those before are read, too. */
        const int32_t before = i + 4 > own.c ? i + 4 - own.c : 0;
        for (int32_t ky = 0; ky < 3; ky++) {
            depthwise_conv2d_3x3_rows_fours_s8_dsp_row(&own, rows[ky] ? rows[ky] + i - before : 0,
                                                       8 * before, words + 4 * ky);
        }
        for (int32_t k = 0; k < 4 - before; k++) {
            depthwise_conv2d_3x3_rows_fours_s8_dsp_outputs(&own, words + k, weights + 12 * (i + k),
                                                           requant + i + k, y + i + k);
        }
    }
}

#endif
