/* Sum, mean, greatest or least value of float32 over any axes. */
#ifndef ASCUA_REDUCE_F32_H
#define ASCUA_REDUCE_F32_H

#include "real.h"

typedef struct {
    int32_t yn0, yn1, yn2;          /* turns of the loops over the outputs */
    int32_t ystep0, ystep1, ystep2; /* elements of input from one turn to the next */
    int32_t xn0, xn1, xn2;          /* the same of the values that each output is of */
    int32_t xstep0, xstep1, xstep2;
    int32_t sum;  /* or the greatest */
    float factor; /* of the values: -1 for the least; of the sum: 1 by their number for the mean */
} reduce_f32_t;

/* The output of the values from x on. */
KERNEL float reduce_f32_one(const reduce_f32_t *p, const f32_t *x) {
    float v = p->sum ? 0.0f : -REAL_MOST;
    for (int32_t i0 = 0; i0 < p->xn0; i0++) {
        for (int32_t i1 = 0; i1 < p->xn1; i1++) {
            const f32_t *run = x + i0 * p->xstep0 + i1 * p->xstep1;
            for (int32_t i2 = 0; i2 < p->xn2; i2++) {
                const float one = run[i2 * p->xstep2];
                v = p->sum ? v + one : one * p->factor > v ? one * p->factor : v;
            }
        }
    }
    return v * p->factor;
}

/* y[yn0][yn1][yn2], each of x[xn0][xn1][xn2]. */
KERNEL void reduce_f32(const reduce_f32_t *p, const f32_t *x, f32_t *y) {
    for (int32_t i0 = 0; i0 < p->yn0; i0++) {
        for (int32_t i1 = 0; i1 < p->yn1; i1++) {
            for (int32_t i2 = 0; i2 < p->yn2; i2++) {
                *y++ = reduce_f32_one(p, x + i0 * p->ystep0 + i1 * p->ystep1 + i2 * p->ystep2);
            }
        }
    }
    KEEP_ORDER();
}

#endif
