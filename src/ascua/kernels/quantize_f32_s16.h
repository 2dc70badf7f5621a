/* float32 to int16, without libm. */
#ifndef ASCUA_QUANTIZE_F32_S16_H
#define ASCUA_QUANTIZE_F32_S16_H

#include "wide.h"

typedef struct {
    int32_t n; /* elements */
    float scale;
} quantize_f32_s16_t;

/* y[n] = x / scale, half away from zero, saturated; NaN gives zero. */
KERNEL void quantize_f32_s16(const quantize_f32_s16_t *p, const f32_t *x, s16_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        float v;
        /* The arena is an array of int8_t. */
        memcpy(&v, (const int8_t *)x + (int32_t)sizeof v * i, sizeof v);
        v /= p->scale;
        v = v == v ? v : 0.0f;
        v = v < -131072.0f ? -131072.0f : v;
        v = v > 131072.0f ? 131072.0f : v;
        int32_t q = (int32_t)v;
        /* The rest is exact; adding one half to v before would not be. */
        const float rest = v - (float)q;
        q += rest >= 0.5f ? 1 : 0;
        q -= rest <= -0.5f ? 1 : 0;
        y[i] = clamp_s16(q, INT16_MIN, INT16_MAX);
    }
}

#endif
