/* int16 to float32. */
#ifndef ASCUA_DEQUANTIZE_S16_F32_H
#define ASCUA_DEQUANTIZE_S16_F32_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
    float scale;
} dequantize_s16_f32_t;

/* y[n] = x * scale. */
KERNEL void dequantize_s16_f32(const dequantize_s16_f32_t *p, const s16_t *x, f32_t *y) {
    /* The arena is an array of int8_t. GCC 12 loses track of what an address points to that it made
       of the loop's counter, takes the stores for none, and drops calls of this function; hence a
       pointer that moves, and a barrier. */
    int8_t *out = (int8_t *)y;
    for (int32_t i = 0; i < p->n; i++) {
        const float v = (float)x[i] * p->scale;
        memcpy(out, &v, sizeof v);
        out += sizeof v;
    }
    KEEP_ORDER();
}

#endif
