/* Mean over neighboring axes: four results at a time. */
#ifndef ASCUA_MEAN_S8_H
#define ASCUA_MEAN_S8_H

#include "fixed.h"
#include "sum.h"

typedef struct {
    int32_t outer, n, inner; /* the input is [outer][n][inner] */
    int32_t offset;          /* -n times the input's zero point */
    int32_t multiplier, shift;
    int32_t zero;
} mean_s8_t;

KERNEL int8_t mean_s8_requantize(const mean_s8_t *p, int32_t sum) {
    const int32_t y = multiply_by_quantized_multiplier(sum + p->offset, p->multiplier, p->shift);
    return (int8_t)clamp(y + p->zero, -128, 127);
}

/* y[outer][inner] from x[outer][n][inner]. */
KERNEL void mean_s8(const mean_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t o = 0; o < p->outer; o++) {
        int32_t i = 0;
        for (; i + 4 <= p->inner; i += 4) {
            sum_t sum = {{0, 0, 0, 0}};
            sum_add(&sum, 4, x + i, p->n, p->inner);
            y[i] = mean_s8_requantize(p, sum.v[0]);
            y[i + 1] = mean_s8_requantize(p, sum.v[1]);
            y[i + 2] = mean_s8_requantize(p, sum.v[2]);
            y[i + 3] = mean_s8_requantize(p, sum.v[3]);
        }
        for (const int32_t end = i + (p->inner & 3); i < end; i++) {
            sum_t sum = {{0, 0, 0, 0}};
            sum_add(&sum, 1, x + i, p->n, p->inner);
            y[i] = mean_s8_requantize(p, sum.v[0]);
        }
        x += p->n * p->inner;
        y += p->inner;
    }
}

#endif
