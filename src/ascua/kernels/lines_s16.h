/* A function of int16 that is two straight lines, one on each side of 0. */
#ifndef ASCUA_LINES_S16_H
#define ASCUA_LINES_S16_H

#include "wide.h"

typedef struct {
    int32_t n; /* elements */
    int32_t multiplier, shift;
    int32_t below_multiplier, below_shift; /* of values below 0 */
    int32_t sign, sign_after;              /* what these are multiplied by before and after */
    int32_t low, high;
} lines_s16_t;

/* y[n] of x[n]. */
KERNEL void lines_s16(const lines_s16_t *p, const s16_t *x, s16_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        int32_t v = x[i];
        if (v >= 0) {
            v = multiply_by_quantized_multiplier(v, p->multiplier, p->shift);
        } else {
            v = p->sign_after *
                multiply_by_quantized_multiplier(p->sign * v, p->below_multiplier, p->below_shift);
        }
        y[i] = clamp_s16(v, p->low, p->high);
    }
}

#endif
