/* Convolution of one output row of int16: four channels of a pixel at a time. */
#ifndef ASCUA_CONV2D_S16_H
#define ASCUA_CONV2D_S16_H

#include "wide.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;       /* elements from one window to the next: sx * ic */
    int32_t kh;         /* rows of the filter */
    int32_t runs, run;  /* runs of adjacent elements in a row of the filter, and their length */
    int32_t gap;        /* elements from one run to the next: dx * ic */
    int32_t short_sums; /* as for requantize_s16() */
    int32_t low, high;
} conv2d_s16_t;

/* y[lanes], for 1 or 4 channels, from the windows that begin `at` elements into each row. */
KERNEL void conv2d_s16_lanes(const conv2d_s16_t *p, int32_t lanes, const int8_t *const *rows,
                             int32_t at, const int8_t *w, const int64_t *bias,
                             const requant_s16_t *q, s16_t *y) {
    int64_t sum[4] = {bias[0], 0, 0, 0};
    for (int32_t i = 1; i < lanes; i++) {
        sum[i] = bias[i];
    }
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const s16_t *x = (const s16_t *)(const void *)rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            if (lanes > 1) {
                wide_dot4(sum, x, w, p->run);
            } else {
                sum[0] += wide_dot(x, 1, w, 1, p->run);
            }
            x += p->gap;
            w += lanes * p->run;
        }
    }
    for (int32_t i = 0; i < lanes; i++) {
        y[i] = requantize_s16(sum[i], &q[i], p->short_sums, p->low, p->high);
    }
}

/* y[ow][oc] from rows[kh] of padded input, weights[oc / 4][kh][kw][ic][4] then [oc %
   4][kh][kw][ic], bias[oc] and requant[oc]. */
KERNEL void conv2d_s16(const conv2d_s16_t *p, const int8_t *const *rows, const int8_t *weights,
                       const int64_t *bias, const requant_s16_t *requant, s16_t *y) {
    const int32_t taps = p->kh * p->runs * p->run;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int8_t *w = weights;
        int32_t oc = 0;
        for (; oc + 4 <= p->oc; oc += 4) {
            conv2d_s16_lanes(p, 4, rows, ox * p->step, w, bias + oc, requant + oc, y + oc);
            w += 4 * taps;
        }
        for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
            conv2d_s16_lanes(p, 1, rows, ox * p->step, w, bias + oc, requant + oc, y + oc);
            w += taps;
        }
        y += p->oc;
    }
}

#endif
