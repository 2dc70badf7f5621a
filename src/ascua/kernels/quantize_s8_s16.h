/* int8 to int16 of another scale. */
#ifndef ASCUA_QUANTIZE_S8_S16_H
#define ASCUA_QUANTIZE_S8_S16_H

#include "wide.h"

typedef struct {
    int32_t n;    /* elements */
    int32_t zero; /* of the input */
    int32_t multiplier, shift;
} quantize_s8_s16_t;

/* y[n] = (x - zero) times the factor, saturated. */
KERNEL void quantize_s8_s16(const quantize_s8_s16_t *p, const int8_t *x, s16_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t v = multiply_by_quantized_multiplier(x[i] - p->zero, p->multiplier, p->shift);
        y[i] = clamp_s16(v, INT16_MIN, INT16_MAX);
    }
}

#endif
