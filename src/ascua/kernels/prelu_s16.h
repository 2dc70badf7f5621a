/* Negative values of int16 times an alpha of int8, of which either may be repeated. */
#ifndef ASCUA_PRELU_S16_H
#define ASCUA_PRELU_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* of x and alpha: 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t alpha_zero;
    int32_t multiplier, shift;             /* of x */
    int32_t alpha_multiplier, alpha_shift; /* of x times alpha */
} prelu_s16_t;

/* y[runs][n] = x, or x * alpha below 0, their runs found by loops[count][3]. */
KERNEL void prelu_s16(const prelu_s16_t *p, const s16_t *x, const int8_t *alpha,
                      const int32_t *loops, s16_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            int32_t v = x[at];
            if (v >= 0) {
                v = multiply_by_quantized_multiplier(v, p->multiplier, p->shift);
            } else {
                v = multiply_by_quantized_multiplier(v * (alpha[bt] - p->alpha_zero),
                                                     p->alpha_multiplier, p->alpha_shift);
            }
            *y++ = clamp_s16(v, INT16_MIN, INT16_MAX);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
