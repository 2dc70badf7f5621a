/* Difference of two tensors, of which one may be repeated along the other. */
#ifndef ASCUA_SUB_S8_H
#define ASCUA_SUB_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t swap; /* b - a is wanted */
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
    int32_t out_multiplier, out_shift;
    int32_t zero, low, high;
} sub_s8_t;

/* y[runs][n] = a - b, their runs found by loops[count][3]. */
KERNEL void sub_s8(const sub_s8_t *p, const int8_t *a, const int8_t *b, const int32_t *loops,
                   int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = multiply_by_quantized_multiplier(
                (a[at] - p->a_zero) * ((int32_t)1 << 20), p->a_multiplier, p->a_shift);
            const int32_t bv = multiply_by_quantized_multiplier(
                (b[bt] - p->b_zero) * ((int32_t)1 << 20), p->b_multiplier, p->b_shift);
            const int32_t v = multiply_by_quantized_multiplier(p->swap ? bv - av : av - bv,
                                                               p->out_multiplier, p->out_shift);
            *y++ = (int8_t)clamp(v + p->zero, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
