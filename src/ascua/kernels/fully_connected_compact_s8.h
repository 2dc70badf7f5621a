/* A matrix times vectors in little code: two outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_COMPACT_S8_H
#define ASCUA_FULLY_CONNECTED_COMPACT_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows, k, oc;
    int32_t next; /* factors from one output to the next: 1 or 0 */
    int32_t zero, low, high;
} fully_connected_compact_s8_t;

KERNEL int8_t fully_connected_compact_s8_value(const fully_connected_compact_s8_t *p, uint32_t sum,
                                               const factor_t *factor) {
    const requant_t q = {0, factor->multiplier, factor->shift};
    return requantize((int32_t)sum, &q, p->zero, p->low, p->high);
}

/* y[rows][oc] from x[rows][k], weights[oc][k], bias[oc] and factors[oc], or one. */
KERNEL void fully_connected_compact_s8(const fully_connected_compact_s8_t *p, const int8_t *x,
                                       const int8_t *weights, const int32_t *bias,
                                       const factor_t *factors, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = weights;
        for (int32_t oc = 0; oc < p->oc; oc += 2) {
            /* The last of an odd number is computed twice. */
            const int32_t second = oc + 1 < p->oc;
            uint32_t a = (uint32_t)bias[oc], b = (uint32_t)bias[oc + second];
            const int8_t *v = w + second * p->k;
            for (int32_t n = 0; n < p->k; n++) {
                a += (uint32_t)(x[n] * *w++);
                b += (uint32_t)(x[n] * *v++);
            }
            const factor_t *f = factors + oc * p->next;
            y[0] = fully_connected_compact_s8_value(p, a, f);
            y[second] = fully_connected_compact_s8_value(p, b, f + second * p->next);
            y += 1 + second;
            w = v;
        }
        x += p->k;
    }
}

#endif
