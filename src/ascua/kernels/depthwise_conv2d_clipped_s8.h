/* Depthwise convolution of one output row with any filter, from rows without padding.

   From left to right, pixel by pixel: without a multiplier y may lie over a row, if so far before
   its beginning that what is written has been read. */
#ifndef ASCUA_DEPTHWISE_CONV2D_CLIPPED_S8_H
#define ASCUA_DEPTHWISE_CONV2D_CLIPPED_S8_H

#include "depthwise_conv2d_s8.h"

typedef struct {
    int32_t ow, oc, groups, n, next, kh, kw, step, gap; /* as in depthwise_conv2d_s8_t */
    int32_t small, zero, low, high;
    int32_t left;          /* bytes of padding left of a row */
    int32_t row;           /* bytes of an input row */
    int32_t first, inside; /* the first window that needs no column of padding, and how many */
    int32_t fill;          /* the value of padding */
} depthwise_conv2d_clipped_s8_t;

/* y[lanes], for 1 or 4 lanes, from the windows that begin `at` bytes into each row, which is null
   where it is padding. */
KERNEL void depthwise_conv2d_clipped_s8_lanes(const depthwise_conv2d_clipped_s8_t *p, int32_t lanes,
                                              const int8_t *const *rows, int32_t at,
                                              const int8_t *w, const requant_t *q, int8_t *y) {
    const int8_t fill = (int8_t)p->fill, padding[4] = {fill, fill, fill, fill};
    const int32_t next = p->next, gap = p->gap, oc = p->oc;
    uint32_t a = (uint32_t)q[0].bias, b = 0, c = 0, d = 0;
    if (lanes > 1) {
        b = (uint32_t)q[1].bias;
        c = (uint32_t)q[2].bias;
        d = (uint32_t)q[3].bias;
    }
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *const r = rows[ky];
        const uint32_t end = r ? (uint32_t)p->row : 0;
        uint32_t from = (uint32_t)at;
        for (int32_t kx = p->kw; kx > 0; kx--) {
            const int8_t *x = from < end ? r + from : padding;
            a += (uint32_t)(x[0] * w[0]);
            if (lanes > 1) {
                b += (uint32_t)(x[next] * w[1]);
                c += (uint32_t)(x[2 * next] * w[2]);
                d += (uint32_t)(x[3 * next] * w[3]);
            }
            from += (uint32_t)gap;
            w += oc;
            KEEP_ORDER();
        }
    }
    y[0] = requantize_sum(a, &q[0], p->small, p->zero, p->low, p->high);
    if (lanes > 1) {
        y[1] = requantize_sum(b, &q[1], p->small, p->zero, p->low, p->high);
        y[2] = requantize_sum(c, &q[2], p->small, p->zero, p->low, p->high);
        y[3] = requantize_sum(d, &q[3], p->small, p->zero, p->low, p->high);
    }
}

/* y[n][oc] from windows that begin `at` bytes into each row, which may be padding in part. */
SHARED void depthwise_conv2d_clipped_s8_edge(const depthwise_conv2d_clipped_s8_t *p, int32_t n,
                                             const int8_t *const *rows, int32_t at,
                                             const int8_t *weights, const requant_t *requant,
                                             int8_t *y) {
    for (; n > 0; n--) {
        int32_t from = at, oc = 0;
        for (int32_t group = 0; group < p->groups; group++) {
            const int32_t end = oc + p->n;
            for (; oc + 4 <= end; oc += 4) {
                depthwise_conv2d_clipped_s8_lanes(p, 4, rows, from, weights + oc, requant + oc,
                                                  y + oc);
                from += 4 * p->next;
            }
            for (int32_t rest = p->n & 3; rest > 0; rest--) {
                depthwise_conv2d_clipped_s8_lanes(p, 1, rows, from, weights + oc, requant + oc,
                                                  y + oc);
                from += p->next;
                oc++;
            }
            from += 1 - p->next;
        }
        at += p->step;
        y += p->oc;
    }
    KEEP_ORDER();
}

/* y[ow][oc] from rows[kh] of input, null where a row is padding, weights[kh][kw][oc] and
   requant[oc]. */
KERNEL void depthwise_conv2d_clipped_s8(const depthwise_conv2d_clipped_s8_t *p,
                                        const int8_t *const *rows, const int8_t *weights,
                                        const requant_t *requant, int8_t *y) {
    const depthwise_conv2d_s8_t inner = {p->inside, p->oc,  p->groups, p->n,   p->next,
                                         p->kh,     p->kw,  p->step,   p->gap, p->small,
                                         p->zero,   p->low, p->high};
    int32_t whole = p->inside > 0;
    for (int32_t ky = 0; ky < p->kh; ky++) {
        whole = whole && rows[ky];
    }
    if (whole) {
        const int32_t end = p->first + p->inside;
        depthwise_conv2d_clipped_s8_edge(p, p->first, rows, -p->left, weights, requant, y);
        depthwise_conv2d_s8_rows(&inner, 0, rows, p->first * p->step - p->left, weights, requant,
                                 y + p->first * p->oc);
        depthwise_conv2d_clipped_s8_edge(p, p->ow - end, rows, end * p->step - p->left, weights,
                                         requant, y + end * p->oc);
    } else {
        depthwise_conv2d_clipped_s8_edge(p, p->ow, rows, -p->left, weights, requant, y);
    }
}

#endif
