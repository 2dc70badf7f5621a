/* int16 to int8 of another scale. */
#ifndef ASCUA_QUANTIZE_S16_S8_H
#define ASCUA_QUANTIZE_S16_S8_H

#include "wide.h"

typedef struct {
    int32_t n; /* elements */
    int32_t multiplier, shift;
    int32_t zero; /* of the output */
} quantize_s16_s8_t;

/* y[n] = x times the factor + zero, saturated. */
KERNEL void quantize_s16_s8(const quantize_s16_s8_t *p, const s16_t *x, int8_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t v = multiply_by_quantized_multiplier(x[i], p->multiplier, p->shift);
        y[i] = (int8_t)saturate(v + p->zero);
    }
}

#endif
