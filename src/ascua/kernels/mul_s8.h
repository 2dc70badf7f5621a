/* Product of two runs of equal length. */
#ifndef ASCUA_MUL_S8_H
#define ASCUA_MUL_S8_H

#include "fixed.h"

typedef struct {
    int32_t n; /* elements */
    int32_t a_zero, b_zero;
    int32_t multiplier;
    int32_t shift; /* to the right, at least 1 */
    int32_t zero, low, high;
} mul_s8_t;

/* y[n] = a[n] * b[n]. */
KERNEL void mul_s8(const mul_s8_t *p, const int8_t *a, const int8_t *b, int8_t *y) {
    const int32_t half = (int32_t)1 << (p->shift - 1);
    for (int32_t i = 0; i < p->n; i++) {
        const int32_t v = (a[i] - p->a_zero) * (b[i] - p->b_zero);
        /* The rounding high product of fixed.h, the doubling done before: |v| is below 2^16. */
        const int64_t wide = (int64_t)(2 * v) * p->multiplier;
        const int32_t high = (int32_t)(wide >> 32) + (int32_t)((uint32_t)wide >> 31);
        const int32_t scaled = (high - (high < 0) + half) >> p->shift;
        y[i] = (int8_t)clamp(scaled + p->zero, p->low, p->high);
    }
}

#endif
