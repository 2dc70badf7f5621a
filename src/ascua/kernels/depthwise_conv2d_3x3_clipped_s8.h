/* Depthwise convolution of one output row with 3x3 filters, from rows without padding. */
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

/* Adds three taps of a row r, null where it is padding; the first of the window is `at` bytes into
   the row. */
KERNEL uint32_t depthwise_conv2d_3x3_clipped_s8_taps(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                     const int8_t *r, int32_t at, const int8_t *w,
                                                     uint32_t a) {
    if (!r) {
        return a + (uint32_t)(p->fill * (w[0] + w[1] + w[2]));
    }
    for (int32_t kx = 0; kx < 3; kx++) {
        const int32_t x = (uint32_t)at < (uint32_t)p->row ? r[at] : p->fill;
        a += (uint32_t)(x * w[kx]);
        at += p->gap;
    }
    return a;
}

/* y[n][c] from windows that begin `at` bytes into each row, which may be padding in part. */
SHARED void depthwise_conv2d_3x3_clipped_s8_edge(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                                 int32_t n, const int8_t *const *rows, int32_t at,
                                                 const int8_t *weights, const requant_t *requant,
                                                 int8_t *y) {
    for (; n > 0; n--) {
        const int8_t *w = weights;
        for (int32_t c = 0; c < p->c; c++) {
            uint32_t a = (uint32_t)requant[c].bias;
            for (int32_t ky = 0; ky < 3; ky++) {
                a = depthwise_conv2d_3x3_clipped_s8_taps(p, rows[ky], at + c, w, a);
                w += 3;
            }
            *y++ = requantize_sum(a, &requant[c], p->small, p->zero, p->low, p->high);
        }
        at += p->step;
    }
    KEEP_ORDER();
}

/* y[ow][c] from rows[3] of input, null where a row is padding, weights[c][3][3] and requant[c]. */
KERNEL void depthwise_conv2d_3x3_clipped_s8(const depthwise_conv2d_3x3_clipped_s8_t *p,
                                            const int8_t *const *rows, const int8_t *weights,
                                            const requant_t *requant, int8_t *y) {
    const depthwise_conv2d_3x3_s8_t inner = {p->inside, p->c,    p->step, p->gap,
                                             p->small,  p->zero, p->low,  p->high};
    const int32_t at = p->first * p->step - p->left, end = p->first + p->inside;
    if (p->inside > 0 && rows[0] && rows[1] && rows[2]) {
        const int8_t *const moved[3] = {rows[0] + at, rows[1] + at, rows[2] + at};
        depthwise_conv2d_3x3_clipped_s8_edge(p, p->first, rows, -p->left, weights, requant, y);
        depthwise_conv2d_3x3_s8(&inner, moved, weights, requant, y + p->first * p->c);
        depthwise_conv2d_3x3_clipped_s8_edge(p, p->ow - end, rows, end * p->step - p->left, weights,
                                             requant, y + end * p->c);
    } else {
        depthwise_conv2d_3x3_clipped_s8_edge(p, p->ow, rows, -p->left, weights, requant, y);
    }
}

#endif
