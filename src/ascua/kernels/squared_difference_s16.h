/* Square of the difference of two tensors of int16, of which one may be repeated. */
#ifndef ASCUA_SQUARED_DIFFERENCE_S16_H
#define ASCUA_SQUARED_DIFFERENCE_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_multiplier, a_shift;
    int32_t b_multiplier, b_shift;
    int32_t out_multiplier, out_shift;
} squared_difference_s16_t;

/* y[runs][n] = (a - b)^2, their runs found by loops[count][3]. */
KERNEL void squared_difference_s16(const squared_difference_s16_t *p, const s16_t *a,
                                   const s16_t *b, const int32_t *loops, s16_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t difference =
                multiply_by_quantized_multiplier(a[at], p->a_multiplier, p->a_shift) -
                multiply_by_quantized_multiplier(b[bt], p->b_multiplier, p->b_shift);
            const int32_t v = multiply_by_quantized_multiplier(difference * difference,
                                                               p->out_multiplier, p->out_shift);
            *y++ = clamp_s16(v, INT16_MIN, INT16_MAX);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
