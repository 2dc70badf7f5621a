/* Sums of all values up to each along an axis, from either end. */
#ifndef ASCUA_CUMSUM_S8_H
#define ASCUA_CUMSUM_S8_H

#include "fixed.h"

typedef struct {
    int32_t outer, n, inner; /* elements before, along and behind the axis */
    int32_t first, step;     /* where along the axis it begins, and from one to the next */
    int32_t exclusive;       /* each value is left out of its sum */
    int32_t x_zero;
    int32_t multiplier, shift;
    int32_t zero;
} cumsum_s8_t;

/* y[outer][n][inner] = sums of x[outer][0..n][inner]; they begin at -x_zero, and wrap. */
KERNEL void cumsum_s8(const cumsum_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t o = 0; o < p->outer; o++) {
        for (int32_t i = 0; i < p->inner; i++) {
            uint32_t sum = (uint32_t)-p->x_zero << 19;
            int32_t at = p->first + i;
            for (int32_t k = 0; k < p->n; k++) {
                const uint32_t before = sum;
                sum += (uint32_t)(x[at] - p->x_zero) << 19;
                const int32_t v = multiply_by_quantized_multiplier(
                    (int32_t)(p->exclusive ? before : sum), p->multiplier, p->shift);
                y[at] = (int8_t)clamp(v + p->zero, -128, 127);
                at += p->step;
            }
        }
        x += p->n * p->inner;
        y += p->n * p->inner;
    }
}

#endif
