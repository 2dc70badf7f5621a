/* Sum or difference of two tensors of int16, of which one may be repeated along the other. */
#ifndef ASCUA_ADD_S16_H
#define ASCUA_ADD_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_multiplier, a_shift, a_sign;
    int32_t b_multiplier, b_shift, b_sign;
    int32_t out_multiplier, out_shift;
    int32_t low, high;
} add_s16_t;

/* y[runs][n] = a_sign * a + b_sign * b, their runs found by loops[count][3]. */
KERNEL void add_s16(const add_s16_t *p, const s16_t *a, const s16_t *b, const int32_t *loops,
                    s16_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        for (int32_t i = 0; i < p->n; i++) {
            const int32_t av = multiply_by_quantized_multiplier(a[at] * ((int32_t)1 << 15),
                                                                p->a_multiplier, p->a_shift);
            const int32_t bv = multiply_by_quantized_multiplier(b[bt] * ((int32_t)1 << 15),
                                                                p->b_multiplier, p->b_shift);
            const int32_t v = multiply_by_quantized_multiplier(p->a_sign * av + p->b_sign * bv,
                                                               p->out_multiplier, p->out_shift);
            *y++ = clamp_s16(v, p->low, p->high);
            at += p->a_step;
            bt += p->b_step;
        }
    }
}

#endif
