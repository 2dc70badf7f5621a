/* int8 to float32. */
#ifndef ASCUA_DEQUANTIZE_S8_F32_H
#define ASCUA_DEQUANTIZE_S8_F32_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
    int32_t zero;
    float scale;
} dequantize_s8_f32_t;

/* y[n] = (x - zero) * scale. */
KERNEL void dequantize_s8_f32(const dequantize_s8_f32_t *p, const int8_t *x, f32_t *y) {
    /* The arena is an array of int8_t. GCC 12 loses track of what an address points to that it made
       of the loop's counter, takes the stores for none, and drops calls of this function; hence a
       pointer that moves, and a barrier. */
    int8_t *out = (int8_t *)y;
    for (int32_t i = 0; i < p->n; i++) {
        const float v = (float)(x[i] - p->zero) * p->scale;
        memcpy(out, &v, sizeof v);
        out += sizeof v;
    }
    KEEP_ORDER();
}

#endif
