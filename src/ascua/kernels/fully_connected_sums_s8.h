/* Fully connected layer, a piece of its input at a time: eight outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_SUMS_S8_H
#define ASCUA_FULLY_CONNECTED_SUMS_S8_H

#include "fully_connected_s8.h"

typedef struct {
    int32_t rows;                             /* pieces of the input */
    int32_t k;                                /* elements of each */
    int32_t oc, next, small, zero, low, high; /* as in fully_connected_s8_t */
} fully_connected_sums_s8_t;

/* Adds the products of x[k] and weights[k][n] to n sums, 8, 4 or 1. */
KERNEL void fully_connected_sums_s8_products(uint32_t *s, int32_t n, const int8_t *x,
                                             const int8_t *w, int32_t k) {
    if (n == 8) {
        const int32_t done = fully_connected_s8_fours(s, x, w, k);
        fully_connected_s8_four(s, x + done, w + 8 * done, 8, k - done);
        fully_connected_s8_four(s + 4, x + done, w + 8 * done + 4, 8, k - done);
    } else if (n == 4) {
        fully_connected_s8_four(s, x, w, 4, k);
    } else {
        for (int32_t i = 0; i < k; i++) {
            s[0] += (uint32_t)(x[i] * w[i]);
        }
    }
}

/* n of the outputs, 8, 4 or 1. */
KERNEL void fully_connected_sums_s8_block(const fully_connected_sums_s8_t *p, int32_t n,
                                          const int8_t *x, const int8_t *w, const int32_t *b,
                                          const factor_t *f, int8_t *y, int32_t iy, s32_t *sums) {
    uint32_t s[8];
    for (int32_t i = 0; i < n; i++) {
        s[i] = (uint32_t)(iy > 0 ? sums[i] : b[i]);
    }
    fully_connected_sums_s8_products(s, n, x, w, p->k);
    if (iy < p->rows - 1) {
        for (int32_t i = 0; i < n; i++) {
            sums[i] = (int32_t)s[i];
        }
    } else {
        for (int32_t i = 0; i < n; i++) {
            const requant_t q = {0, f[i * p->next].multiplier, f[i * p->next].shift};
            y[i] = requantize_sum(s[i], &q, p->small, p->zero, p->low, p->high);
        }
    }
}

/* Adds piece iy, x[k], to the sums in scratch, int32_t[oc]; of the last, y[oc]. Constants are as
   for fully_connected_s8, but for the weights: those of each piece by themselves. */
KERNEL void fully_connected_sums_s8(const fully_connected_sums_s8_t *p, const int8_t *x,
                                    const int8_t *weights, const int32_t *bias,
                                    const factor_t *factors, int8_t *y, int32_t iy, void *scratch) {
    const int8_t *w = weights + iy * p->k * p->oc;
    s32_t *sums = scratch;
    for (int32_t block = p->oc >> 3; block > 0; block--) {
        fully_connected_sums_s8_block(p, 8, x, w, bias, factors, y, iy, sums);
        w += 8 * p->k;
        bias += 8;
        factors += 8 * p->next;
        y += 8;
        sums += 8;
    }
    if (p->oc & 4) {
        fully_connected_sums_s8_block(p, 4, x, w, bias, factors, y, iy, sums);
        w += 4 * p->k;
        bias += 4;
        factors += 4 * p->next;
        y += 4;
        sums += 4;
    }
    for (int32_t rest = p->oc & 3; rest > 0; rest--) {
        fully_connected_sums_s8_block(p, 1, x, w, bias++, factors, y++, iy, sums++);
        w += p->k;
        factors += p->next;
    }
}

#endif
