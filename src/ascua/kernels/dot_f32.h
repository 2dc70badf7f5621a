/* Sums of products of float32. */
#ifndef ASCUA_DOT_F32_H
#define ASCUA_DOT_F32_H

#include "real.h"

KERNEL float clamp_f32(float v, float low, float high) {
    v = v < low ? low : v;
    return v > high ? high : v;
}

/* Adds n products of x with w[n][lanes] to sum[lanes], 1 or 4. */
KERNEL void dot_f32(float *sum, int32_t lanes, const f32_t *x, const float *w, int32_t n) {
    if (lanes == 1) {
        float a = sum[0];
        for (int32_t i = 0; i < n; i++) {
            a += *x++ * *w++;
        }
        sum[0] = a;
        return;
    }
    float a = sum[0], b = sum[1], c = sum[2], d = sum[3];
    for (int32_t i = 0; i < n; i++) {
        const float v = *x++;
        a += v * w[0];
        b += v * w[1];
        c += v * w[2];
        d += v * w[3];
        w += 4;
    }
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
}

#endif
