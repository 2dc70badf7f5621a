/* Sum or mean of int16 over any axes. */
#ifndef ASCUA_SUM_S16_H
#define ASCUA_SUM_S16_H

#include "wide.h"

typedef struct {
    int32_t yn0, yn1, yn2;          /* turns of the loops over the outputs */
    int32_t ystep0, ystep1, ystep2; /* elements of input from one turn to the next */
    int32_t xn0, xn1, xn2;          /* the same of the values that each output is the sum of */
    int32_t xstep0, xstep1, xstep2;
    int32_t multiplier, shift;
} sum_s16_t;

/* The output of the values from x on. */
KERNEL int16_t sum_s16_one(const sum_s16_t *p, const s16_t *x) {
    int32_t sum = 0;
    for (int32_t i0 = 0; i0 < p->xn0; i0++) {
        for (int32_t i1 = 0; i1 < p->xn1; i1++) {
            const s16_t *run = x + i0 * p->xstep0 + i1 * p->xstep1;
            for (int32_t i2 = 0; i2 < p->xn2; i2++) {
                sum += run[i2 * p->xstep2];
            }
        }
    }
    const int32_t y = multiply_by_quantized_multiplier(sum, p->multiplier, p->shift);
    return clamp_s16(y, INT16_MIN, INT16_MAX);
}

/* y[yn0][yn1][yn2], each the sum of x[xn0][xn1][xn2]. */
KERNEL void sum_s16(const sum_s16_t *p, const s16_t *x, s16_t *y) {
    for (int32_t i0 = 0; i0 < p->yn0; i0++) {
        for (int32_t i1 = 0; i1 < p->yn1; i1++) {
            for (int32_t i2 = 0; i2 < p->yn2; i2++) {
                *y++ = sum_s16_one(p, x + i0 * p->ystep0 + i1 * p->ystep1 + i2 * p->ystep2);
            }
        }
    }
}

#endif
