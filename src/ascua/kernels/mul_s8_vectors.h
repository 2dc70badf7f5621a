/* Product of two tensors, of which one may be repeated along the other: eight elements at a time.
 */
#ifndef ASCUA_MUL_S8_VECTORS_H
#define ASCUA_MUL_S8_VECTORS_H

#include "mul_broadcast_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t n, a_step, b_step, runs, loops; /* as in mul_broadcast_s8_t */
    int32_t a_zero, b_zero, multiplier;
    int32_t shift; /* to the left, below 0 */
    int32_t zero, low, high;
} mul_s8_vectors_t;

/* y[runs][n] = a * b, their runs found by loops[count][3]. */
KERNEL void mul_s8_vectors(const mul_s8_vectors_t *p, const int8_t *a, const int8_t *b,
                           const int32_t *loops, int8_t *y) {
    const mul_broadcast_s8_t rest = {p->n & 7, p->a_step, p->b_step, 1,
                                     1,        p->a_zero, p->b_zero, p->multiplier,
                                     p->shift, p->zero,   p->low,    p->high};
    const int32_t none[3] = {1, 0, 0};
    for (int32_t run = 0; run < p->runs; run++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, run, &at, &bt);
        const int8_t *u = a + at, *v = b + bt;
        for (int32_t eights = p->n >> 3; eights > 0; eights--) {
            const longs_t product = longs_mul(shorts_less(u, p->a_step, p->a_zero),
                                              shorts_less(v, p->b_step, p->b_zero));
            const shorts_t s = longs_rescale(product, p->multiplier, p->shift, p->zero);
            shorts_store(y, shorts_clamp(s, p->low, p->high));
            u += 8 * p->a_step;
            v += 8 * p->b_step;
            y += 8;
        }
        mul_broadcast_s8(&rest, u, v, none, y);
        y += p->n & 7;
    }
}

#endif
