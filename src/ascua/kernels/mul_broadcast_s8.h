/* Product of two tensors, of which one is repeated along the other. */
#ifndef ASCUA_MUL_BROADCAST_S8_H
#define ASCUA_MUL_BROADCAST_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_zero, b_zero;
    int32_t multiplier, shift;
    int32_t zero, low, high;
} mul_broadcast_s8_t;

/* y[runs][n] = a * b, their runs found by loops[count][3]. */
KERNEL void mul_broadcast_s8(const mul_broadcast_s8_t *p, const int8_t *a, const int8_t *b,
                             const int32_t *loops, int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t product = (a[at] - p->a_zero) * (b[bt] - p->b_zero);
            const int32_t v = multiply_by_quantized_multiplier(product, p->multiplier, p->shift);
            *y++ = (int8_t)clamp(v + p->zero, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
