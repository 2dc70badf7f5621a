/* Where along an axis the greatest or the least value is. */
#ifndef ASCUA_ARG_MAX_S8_H
#define ASCUA_ARG_MAX_S8_H

#include "kernel.h"

typedef struct {
    int32_t outer, n, inner; /* the input is [outer][n][inner] */
    int32_t sign;            /* 1 for the greatest value, -1 for the least */
} arg_max_s8_t;

/* y[outer][inner], each 0..n-1, from x[outer][n][inner]; the first of equal values. */
KERNEL void arg_max_s8(const arg_max_s8_t *p, const int8_t *x, int32_t *y) {
    for (int32_t o = 0; o < p->outer; o++) {
        for (int32_t i = 0; i < p->inner; i++) {
            int32_t best = x[i] * p->sign;
            int32_t at = 0;
            for (int32_t k = 1; k < p->n; k++) {
                const int32_t v = x[k * p->inner + i] * p->sign;
                if (v > best) {
                    best = v;
                    at = k;
                }
            }
            *y++ = at;
        }
        x += p->n * p->inner;
    }
}

#endif
