/* Depthwise convolution of one output row with 3x3 filters, from rows without padding.

   From left to right, two pixels at a time, channel by channel: y may lie over a row, if so far
   before its beginning that what is written has been read. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_CLIPPED_S8_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_CLIPPED_S8_H

#include "depthwise_conv2d_3x3_s8.h"

typedef struct {
    int32_t ow, c, step, gap, small, zero, low, high; /* as in depthwise_conv2d_3x3_s8_t */
    int32_t left;                                     /* bytes of padding left of a row */
    int32_t row;                                      /* bytes of an input row */
    int32_t first, inside; /* the first window that needs no column of padding, and how many */
    int32_t fill;          /* the value of padding */
} depthwise_conv2d_3x3_clipped_s8_t;

/* y[c] of a window that begins `at` bytes into each row and has one column of padding, the first or
   the last: that of the taps `missing`, 0 or 2. */
SHARED void depthwise_conv2d_3x3_clipped_s8_side(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                 const int8_t *const *rows, int32_t at,
                                                 int32_t missing, const int8_t *w,
                                                 const requant_t *q, int8_t *y) {
    const int32_t g = p->gap, fill = p->fill, there = missing ? 0 : 1, from = at + there * g;
    const int8_t *r0 = rows[0] + from, *r1 = rows[1] + from, *r2 = rows[2] + from;
    const int8_t *v = w + there;
    w += missing;
    for (int32_t c = p->c; c > 0; c--) {
        uint32_t a = (uint32_t)(q->bias + fill * (w[0] + w[3] + w[6]));
        a += (uint32_t)(r0[0] * v[0]);
        a += (uint32_t)(r0[g] * v[1]);
        a += (uint32_t)(r1[0] * v[3]);
        a += (uint32_t)(r1[g] * v[4]);
        a += (uint32_t)(r2[0] * v[6]);
        a += (uint32_t)(r2[g] * v[7]);
        *y++ = requantize_sum(a, q++, p->small, p->zero, p->low, p->high);
        r0++;
        r1++;
        r2++;
        v += 9;
        w += 9;
    }
    KEEP_ORDER();
}

/* y[n][c] of windows that begin `at` bytes into each row and have one row of padding, that of the
   taps from `missing` on: 0 or 6. */
SHARED void depthwise_conv2d_3x3_clipped_s8_level(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                  int32_t n, const int8_t *const *rows, int32_t at,
                                                  int32_t missing, const int8_t *weights,
                                                  const requant_t *requant, int8_t *y) {
    const int32_t g = p->gap, fill = p->fill, there = missing ? 0 : 3;
    for (; n > 0; n--) {
        const int8_t *r0 = rows[missing ? 0 : 1] + at, *r1 = rows[missing ? 1 : 2] + at;
        const int8_t *v = weights + there, *w = weights + missing;
        const requant_t *q = requant;
        for (int32_t c = p->c; c > 0; c--) {
            uint32_t a = (uint32_t)(q->bias + fill * (w[0] + w[1] + w[2]));
            depthwise_conv2d_3x3_s8_taps(&a, 0, r0++, g, v);
            depthwise_conv2d_3x3_s8_taps(&a, 0, r1++, g, v + 3);
            *y++ = requantize_sum(a, q++, p->small, p->zero, p->low, p->high);
            v += 9;
            w += 9;
        }
        at += p->step;
    }
    KEEP_ORDER();
}

/* A tap of all channels: channel i lies at x[i & keep], the value of padding at x[0]. */
typedef struct {
    const int8_t *x;
    int32_t keep; /* -1, or 0 of padding */
} depthwise_conv2d_3x3_clipped_s8_tap_t;

/* y[c] of any window, which begins `at` bytes into each row. */
SHARED void depthwise_conv2d_3x3_clipped_s8_edge(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                 const int8_t *const *rows, int32_t at,
                                                 const int8_t *w, const requant_t *q, int8_t *y) {
    const int8_t fill = (int8_t)p->fill;
    depthwise_conv2d_3x3_clipped_s8_tap_t taps[9], *tap = taps;
    for (int32_t ky = 0; ky < 3; ky++) {
        int32_t from = at;
        for (int32_t kx = 0; kx < 3; kx++) {
            const int32_t there = rows[ky] && (uint32_t)from < (uint32_t)p->row;
            tap->x = there ? rows[ky] + from : &fill;
            tap->keep = -there;
            tap++;
            from += p->gap;
        }
    }
    for (int32_t i = 0; i < p->c; i++) {
        uint32_t a = (uint32_t)q->bias;
        for (tap = taps; tap != taps + 9; tap++) {
            a += (uint32_t)(tap->x[i & tap->keep] * *w++);
        }
        *y++ = requantize_sum(a, q++, p->small, p->zero, p->low, p->high);
    }
    KEEP_ORDER();
}

/* y[c] of windows `from` up to `to`. */
KERNEL void depthwise_conv2d_3x3_clipped_s8_edges(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                  int32_t from, int32_t to, int32_t whole,
                                                  const int8_t *const *rows, const int8_t *weights,
                                                  const requant_t *requant, int8_t *y) {
    for (int32_t ox = from; ox < to; ox++) {
        const int32_t at = ox * p->step - p->left, last = at + 2 * p->gap - p->row;
        const int32_t middle = (uint32_t)(at + p->gap) < (uint32_t)p->row;
        int8_t *to_y = y + ox * p->c;
        if (whole && middle && (at < 0) != (last >= 0)) {
            depthwise_conv2d_3x3_clipped_s8_side(p, rows, at, at < 0 ? 0 : 2, weights, requant,
                                                 to_y);
        } else {
            depthwise_conv2d_3x3_clipped_s8_edge(p, rows, at, weights, requant, to_y);
        }
    }
}

/* y[ow][c] from rows[3] of input, null where a row is padding, weights[c][3][3] and requant[c]. */
KERNEL void depthwise_conv2d_3x3_clipped_s8(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                            const int8_t *const *rows, const int8_t *weights,
                                            const requant_t *requant, int8_t *y) {
    const int32_t at = p->first * p->step - p->left, whole = rows[0] && rows[1] && rows[2];
    int32_t end = p->first + p->inside;
    depthwise_conv2d_3x3_clipped_s8_edges(p, 0, p->first, whole, rows, weights, requant, y);
    if (p->inside > 0 && whole) {
        const depthwise_conv2d_3x3_s8_t inner = {p->inside, p->c,    p->step, p->gap,
                                                 p->small,  p->zero, p->low,  p->high};
        const int8_t *const moved[3] = {rows[0] + at, rows[1] + at, rows[2] + at};
        depthwise_conv2d_3x3_s8(&inner, moved, weights, requant, y + p->first * p->c);
    } else if (p->inside > 0 && rows[1] && (rows[0] || rows[2])) {
        depthwise_conv2d_3x3_clipped_s8_level(p, p->inside, rows, at, rows[0] ? 6 : 0, weights,
                                              requant, y + p->first * p->c);
    } else {
        end = p->first;
    }
    depthwise_conv2d_3x3_clipped_s8_edges(p, end, p->ow, whole, rows, weights, requant, y);
}

#endif
