/* Mean or greatest value of each window of one output row of float32. */
#ifndef ASCUA_POOL2D_F32_H
#define ASCUA_POOL2D_F32_H

#include "real.h"

typedef struct {
    int32_t ow, iw, c;
    int32_t kh, kw;
    int32_t sx;
    int32_t px;   /* columns of padding on the left */
    int32_t mean; /* or the greatest value */
    float low, high;
} pool2d_f32_t;

/* y[ow][c] from rows[kh] of input, null where a row is padding. */
KERNEL void pool2d_f32(const pool2d_f32_t *p, const int8_t *const *rows, f32_t *y) {
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int32_t left = ox * p->sx - p->px;
        const int32_t from = left < 0 ? 0 : left;
        const int32_t to = left + p->kw < p->iw ? left + p->kw : p->iw;
        for (int32_t c = 0; c < p->c; c++) {
            float v = p->mean ? 0.0f : -REAL_MOST;
            int32_t n = 0;
            for (int32_t ky = 0; ky < p->kh; ky++) {
                if (rows[ky]) {
                    const f32_t *x = (const f32_t *)(const void *)rows[ky] + c;
                    for (int32_t ix = from; ix < to; ix++) {
                        const float one = x[ix * p->c];
                        v = p->mean ? v + one : one > v ? one : v;
                    }
                    n += to - from;
                }
            }
            v = p->mean ? v / (float)n : v;
            *y++ = v < p->low ? p->low : v > p->high ? p->high : v;
        }
    }
}

#endif
