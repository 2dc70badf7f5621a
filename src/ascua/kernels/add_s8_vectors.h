/* Sum or difference of two tensors, of which one may be repeated along the other: eight elements at
   a time. */
#ifndef ASCUA_ADD_S8_VECTORS_H
#define ASCUA_ADD_S8_VECTORS_H

#include "broadcast.h"
#include "sixteens.h"

typedef struct {
    int32_t n;              /* elements of a run */
    int32_t a_step, b_step; /* 1, or 0 where one element is repeated */
    int32_t runs, loops;
    int32_t a_zero, a_multiplier, a_shift, a_sign; /* sign: -1 of what is subtracted, else 1 */
    int32_t b_zero, b_multiplier, b_shift, b_sign;
    int32_t out_multiplier, out_shift; /* to the left, below 0 */
    int32_t zero, low, high;
} add_s8_vectors_t;

/* Eight elements at the scale where both inputs meet; without a shift they are halved. */
KERNEL longs_t add_s8_vectors_scale(shorts_t s, int32_t multiplier, int32_t shift) {
    return shift ? longs_scale(longs_left(s, 20), multiplier, shift) : longs_left(s, 19);
}

KERNEL int32_t add_s8_vectors_scale_one(int32_t x, int32_t multiplier, int32_t shift) {
    return multiply_by_quantized_multiplier(x * ((int32_t)1 << 20), multiplier, shift);
}

/* y[runs][n] = a + b, by their signs, their runs found by loops[count][3]. */
KERNEL void add_s8_vectors(const add_s8_vectors_t *p, const int8_t *a, const int8_t *b,
                           const int32_t *loops, int8_t *y) {
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        const int8_t *u = a + at, *v = b + bt;
        for (int32_t eights = p->n >> 3; eights > 0; eights--) {
            const longs_t s = add_s8_vectors_scale(shorts_less(u, p->a_step, p->a_zero),
                                                   p->a_multiplier, p->a_shift);
            const longs_t t = add_s8_vectors_scale(shorts_less(v, p->b_step, p->b_zero),
                                                   p->b_multiplier, p->b_shift);
            const longs_t sum = p->a_sign < 0   ? longs_sub(t, s)
                                : p->b_sign < 0 ? longs_sub(s, t)
                                                : longs_add(s, t);
            const shorts_t w = longs_rescale(sum, p->out_multiplier, p->out_shift, p->zero);
            shorts_store(y, shorts_clamp(w, p->low, p->high));
            u += 8 * p->a_step;
            v += 8 * p->b_step;
            y += 8;
        }
        for (int32_t rest = p->n & 7; rest > 0; rest--) {
            const int32_t s = add_s8_vectors_scale_one(*u - p->a_zero, p->a_multiplier, p->a_shift);
            const int32_t t = add_s8_vectors_scale_one(*v - p->b_zero, p->b_multiplier, p->b_shift);
            const int32_t sum = s * p->a_sign + t * p->b_sign;
            const int32_t w =
                multiply_by_quantized_multiplier(sum, p->out_multiplier, p->out_shift);
            *y++ = (int8_t)clamp(w + p->zero, p->low, p->high);
            u += p->a_step;
            v += p->b_step;
        }
    }
}

#endif
