/* Negative values times alpha, of which either may be repeated along the other. */
#ifndef ASCUA_PRELU_S8_H
#define ASCUA_PRELU_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* of x and alpha: 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t x_zero, alpha_zero;
    int32_t multiplier, shift;             /* of x */
    int32_t alpha_multiplier, alpha_shift; /* of x times alpha */
    int32_t zero;
} prelu_s8_t;

/* y[runs][n] = x, or x * alpha below 0, their runs found by loops[count][3]. */
KERNEL void prelu_s8(const prelu_s8_t *p, const int8_t *x, const int8_t *alpha,
                     const int32_t *loops, int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            int32_t v = x[at] - p->x_zero;
            if (v >= 0) {
                v = multiply_by_quantized_multiplier(v, p->multiplier, p->shift);
            } else {
                v = multiply_by_quantized_multiplier(v * (alpha[bt] - p->alpha_zero),
                                                     p->alpha_multiplier, p->alpha_shift);
            }
            *y++ = (int8_t)clamp(v + p->zero, -128, 127);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
