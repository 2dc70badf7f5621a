/* Convolution of one output row of float32: four channels of a pixel at a time. */
#ifndef ASCUA_CONV2D_F32_H
#define ASCUA_CONV2D_F32_H

#include "dot_f32.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;      /* elements from one window to the next: sx * ic */
    int32_t kh;        /* rows of the filter */
    int32_t runs, run; /* runs of adjacent elements in a row of the filter, and their length */
    int32_t gap;       /* elements from one run to the next: dx * ic */
    int32_t groups;
    float low, high;
} conv2d_f32_t;

/* y[lanes], for 1 or 4 channels, from the windows that begin `at` elements into each row. */
KERNEL void conv2d_f32_lanes(const conv2d_f32_t *p, int32_t lanes, const int8_t *const *rows,
                             int32_t at, const float *w, const float *bias, f32_t *y) {
    float sum[4] = {bias[0], 0.0f, 0.0f, 0.0f};
    for (int32_t i = 1; i < lanes; i++) {
        sum[i] = bias[i];
    }
    for (int32_t ky = 0; ky < p->kh; ky++) {
        const f32_t *x = (const f32_t *)(const void *)rows[ky] + at;
        for (int32_t i = 0; i < p->runs; i++) {
            dot_f32(sum, lanes, x, w, p->run);
            x += p->gap;
            w += lanes * p->run;
        }
    }
    for (int32_t i = 0; i < lanes; i++) {
        y[i] = clamp_f32(sum[i], p->low, p->high);
    }
}

/* y[ow][oc] from rows[kh] of padded input, of each group weights[n / 4][kh][kw][ic][4] then
   [n % 4][kh][kw][ic], where n = oc / groups, and bias[oc]. */
KERNEL void conv2d_f32(const conv2d_f32_t *p, const int8_t *const *rows, const float *weights,
                       const float *bias, f32_t *y) {
    const int32_t taps = p->kh * p->runs * p->run, each = p->oc / p->groups;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const float *w = weights;
        int32_t oc = 0, at = ox * p->step;
        for (int32_t group = 0; group < p->groups; group++) {
            for (int32_t n = each >> 2; n > 0; n--) {
                conv2d_f32_lanes(p, 4, rows, at, w, bias + oc, y + oc);
                w += 4 * taps;
                oc += 4;
            }
            for (int32_t n = each & 3; n > 0; n--) {
                conv2d_f32_lanes(p, 1, rows, at, w, bias + oc, y + oc);
                w += taps;
                oc++;
            }
            at += p->run;
        }
        y += p->oc;
    }
}

#endif
