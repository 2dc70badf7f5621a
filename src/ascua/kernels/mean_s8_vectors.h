/* Mean over neighboring axes: eight results at a time, summed in 16 bits. */
#ifndef ASCUA_MEAN_S8_VECTORS_H
#define ASCUA_MEAN_S8_VECTORS_H

#include "mean_s8.h"
#include "sixteens.h"

typedef struct {
    int32_t outer, n, inner, offset, multiplier, shift, zero; /* as in mean_s8_t; inner >= 8 */
} mean_s8_vectors_t;

/* y[outer][inner] from x[outer][n][inner]. */
KERNEL void mean_s8_vectors(const mean_s8_vectors_t *p, const int8_t *x, int8_t *y) {
    for (int32_t o = 0; o < p->outer; o++) {
        /* What is left is made with what is before it. */
        for (int32_t at = 0; at < p->inner; at += 8) {
            const int32_t i = at + 8 <= p->inner ? at : p->inner - 8;
            shorts_t sum = shorts_none();
            const int8_t *from = x + i;
            for (int32_t n = p->n; n > 0; n--) {
                sum = shorts_add(sum, from);
                from += p->inner;
            }
            const longs_t v = longs_of(sum, p->offset);
            const shorts_t s = longs_rescale(v, p->multiplier, p->shift, p->zero);
            shorts_store(y + i, shorts_clamp(s, -128, 127));
        }
        x += p->n * p->inner;
        y += p->inner;
    }
}

#endif
