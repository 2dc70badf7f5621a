/* The greatest or the least value over any axes. */
#ifndef ASCUA_REDUCE_MAX_S8_H
#define ASCUA_REDUCE_MAX_S8_H

#include "kernel.h"

typedef struct {
    int32_t yn0, yn1, yn2;          /* turns of the loops over the outputs */
    int32_t ystep0, ystep1, ystep2; /* bytes of input from one turn to the next */
    int32_t xn0, xn1, xn2;          /* the same of the values that each output is one of */
    int32_t xstep0, xstep1, xstep2;
    int32_t sign; /* 1 for the greatest value, -1 for the least */
} reduce_max_s8_t;

/* The output of the values from x on. */
KERNEL int8_t reduce_max_s8_one(const reduce_max_s8_t *p, const int8_t *x) {
    int32_t best = *x * p->sign;
    for (int32_t i0 = 0; i0 < p->xn0; i0++) {
        for (int32_t i1 = 0; i1 < p->xn1; i1++) {
            const int8_t *run = x + i0 * p->xstep0 + i1 * p->xstep1;
            for (int32_t i2 = 0; i2 < p->xn2; i2++) {
                const int32_t v = run[i2 * p->xstep2] * p->sign;
                best = v > best ? v : best;
            }
        }
    }
    return (int8_t)(best * p->sign);
}

/* y[yn0][yn1][yn2], each the greatest of x[xn0][xn1][xn2]. */
KERNEL void reduce_max_s8(const reduce_max_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t i0 = 0; i0 < p->yn0; i0++) {
        for (int32_t i1 = 0; i1 < p->yn1; i1++) {
            for (int32_t i2 = 0; i2 < p->yn2; i2++) {
                *y++ = reduce_max_s8_one(p, x + i0 * p->ystep0 + i1 * p->ystep1 + i2 * p->ystep2);
            }
        }
    }
}

#endif
