/* Sum of two tensors, of which one is repeated along the other. */
#ifndef ASCUA_ADD_BROADCAST_S8_H
#define ASCUA_ADD_BROADCAST_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
    int32_t out_multiplier, out_shift;
    int32_t zero, low, high;
} add_broadcast_s8_t;

/* y[runs][n] = a + b, their runs found by loops[count][3]. */
KERNEL void add_broadcast_s8(const add_broadcast_s8_t *p, const int8_t *a, const int8_t *b,
                             const int32_t *loops, int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = (a[at] - p->a_zero) * ((int32_t)1 << 20);
            const int32_t bv = (b[bt] - p->b_zero) * ((int32_t)1 << 20);
            const int32_t sum = multiply_by_quantized_multiplier(av, p->a_multiplier, p->a_shift) +
                                multiply_by_quantized_multiplier(bv, p->b_multiplier, p->b_shift);
            const int32_t v =
                multiply_by_quantized_multiplier(sum, p->out_multiplier, p->out_shift);
            *y++ = (int8_t)clamp(v + p->zero, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
