/* float32 to int8, without libm. */
#ifndef ASCUA_QUANTIZE_F32_S8_H
#define ASCUA_QUANTIZE_F32_S8_H

#include "fixed.h"

typedef struct {
    int32_t n; /* elements */
    int32_t zero;
    float scale;
} quantize_f32_s8_t;

/* y[n] = x / scale + zero, half away from zero, saturated; NaN gives zero. */
KERNEL void quantize_f32_s8(const quantize_f32_s8_t *p, const f32_t *x, int8_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        float v;
        /* The arena is an array of int8_t. */
        memcpy(&v, (const int8_t *)x + (int32_t)sizeof v * i, sizeof v);
        v /= p->scale;
        v = v == v ? v : 0.0f;
        v = v < -1024.0f ? -1024.0f : v;
        v = v > 1024.0f ? 1024.0f : v;
        int32_t q = (int32_t)v;
        /* The rest is exact; adding one half to v before would not be. */
        const float rest = v - (float)q;
        q += rest >= 0.5f ? 1 : 0;
        q -= rest <= -0.5f ? 1 : 0;
        y[i] = (int8_t)clamp(q + p->zero, -128, 127);
    }
}

#endif
