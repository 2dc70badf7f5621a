/* Product of two tensors of int16, of which one may be repeated along the other. */
#ifndef ASCUA_MUL_S16_H
#define ASCUA_MUL_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t multiplier, shift;
    int32_t low, high;
} mul_s16_t;

/* y[runs][n] = a * b, their runs found by loops[count][3]. */
KERNEL void mul_s16(const mul_s16_t *p, const s16_t *a, const s16_t *b, const int32_t *loops,
                    s16_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t v =
                multiply_by_quantized_multiplier((int32_t)a[at] * b[bt], p->multiplier, p->shift);
            *y++ = clamp_s16(v, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
