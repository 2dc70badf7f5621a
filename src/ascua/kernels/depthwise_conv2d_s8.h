/* Depthwise convolution of one output row: any filter, four channels at a time. */
#ifndef ASCUA_DEPTHWISE_CONV2D_S8_H
#define ASCUA_DEPTHWISE_CONV2D_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, oc;
    int32_t groups, n; /* runs of output channels, and the length of each */
    int32_t next;      /* input channels from one output channel of a run to the next: 1 or 0 */
    int32_t kh, kw;
    int32_t step;  /* bytes from one window to the next: sx * ic */
    int32_t gap;   /* bytes from one tap to the next: dx * ic */
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} depthwise_conv2d_s8_t;

/* y[lanes], for 1, 2 or 4 lanes, from the windows that begin `at` bytes into each row. */
KERNEL void depthwise_conv2d_s8_lanes(const depthwise_conv2d_s8_t *p, int32_t lanes, int32_t offset,
                                      const int8_t *const *rows, int32_t at, const int8_t *w,
                                      const requant_t *q, int8_t *y) {
    const int32_t next = p->next;
    uint32_t a = (uint32_t)q[0].bias, b = 0, c = 0, d = 0;
    if (lanes > 1) {
        b = (uint32_t)q[1].bias;
    }
    if (lanes > 2) {
        c = (uint32_t)q[2].bias;
        d = (uint32_t)q[3].bias;
    }
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t kx = p->kw; kx > 0; kx--) {
            a += (uint32_t)(x[0] * (w[0] + offset));
            if (lanes > 1) {
                b += (uint32_t)(x[next] * (w[1] + offset));
            }
            if (lanes > 2) {
                c += (uint32_t)(x[2 * next] * (w[2] + offset));
                d += (uint32_t)(x[3 * next] * (w[3] + offset));
            }
            x += p->gap;
            w += p->oc;
            KEEP_ORDER();
        }
    }
    y[0] = requantize_sum(a, &q[0], p->small, p->zero, p->low, p->high);
    if (lanes > 1) {
        y[1] = requantize_sum(b, &q[1], p->small, p->zero, p->low, p->high);
    }
    if (lanes > 2) {
        y[2] = requantize_sum(c, &q[2], p->small, p->zero, p->low, p->high);
        y[3] = requantize_sum(d, &q[3], p->small, p->zero, p->low, p->high);
    }
}

/* depthwise_conv2d_s8 with weights[...] + offset; the first window begins `from` bytes into each
   row. */
KERNEL void depthwise_conv2d_s8_rows(const depthwise_conv2d_s8_t *p, int32_t offset,
                                     const int8_t *const *rows, int32_t from, const int8_t *weights,
                                     const requant_t *requant, int8_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        int32_t at = from + ox * p->step, oc = 0;
        for (int32_t group = 0; group < p->groups; group++) {
            const int32_t end = oc + p->n;
            for (; oc + 4 <= end; oc += 4) {
                depthwise_conv2d_s8_lanes(p, 4, offset, rows, at, weights + oc, requant + oc,
                                          y + oc);
                at += 4 * p->next;
            }
            if (p->n & 2) {
                depthwise_conv2d_s8_lanes(p, 2, offset, rows, at, weights + oc, requant + oc,
                                          y + oc);
                at += 2 * p->next;
                oc += 2;
            }
            if (p->n & 1) {
                depthwise_conv2d_s8_lanes(p, 1, offset, rows, at, weights + oc, requant + oc,
                                          y + oc);
                oc += 1;
            }
            at += 1 - p->next;
        }
        y += p->oc;
    }
}

/* y[ow][oc] from rows[kh] of padded input, weights[kh][kw][oc] and requant[oc]. */
KERNEL void depthwise_conv2d_s8(const depthwise_conv2d_s8_t *p, const int8_t *const *rows,
                                const int8_t *weights, const requant_t *requant, int8_t *y) {
    depthwise_conv2d_s8_rows(p, 0, rows, 0, weights, requant, y);
}

#endif
