/* How two tensors' values compare, of which one may be repeated along the other. */
#ifndef ASCUA_COMPARE_S8_H
#define ASCUA_COMPARE_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_zero, a_multiplier, a_shift;
    int32_t b_zero, b_multiplier, b_shift;
    int32_t below, equal, above; /* what is answered where a is below b, equal, above */
} compare_s8_t;

/* y[runs][n] = the answer of a and b in units of 1/256, their runs found by loops[count][3]. */
KERNEL void compare_s8(const compare_s8_t *p, const int8_t *a, const int8_t *b,
                       const int32_t *loops, uint8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = multiply_by_quantized_multiplier((a[at] - p->a_zero) * 256,
                                                                p->a_multiplier, p->a_shift);
            const int32_t bv = multiply_by_quantized_multiplier((b[bt] - p->b_zero) * 256,
                                                                p->b_multiplier, p->b_shift);
            *y++ = (uint8_t)(av < bv ? p->below : av > bv ? p->above : p->equal);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
