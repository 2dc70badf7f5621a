/* Fully connected layer: four outputs at a time. */
#ifndef ASCUA_FULLY_CONNECTED_S8_H
#define ASCUA_FULLY_CONNECTED_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows; /* vectors of the input */
    int32_t k;    /* elements of each */
    int32_t oc;
    int32_t next;  /* factors from one output to the next: 1, or 0 where all have one */
    int32_t small; /* as for requantize_sum() */
    int32_t zero, low, high;
} fully_connected_s8_t;

/* Adds v times weights[4] to four sums. */
KERNEL void fully_connected_s8_tap(uint32_t *s, int32_t v, const int8_t *w) {
    s[0] += (uint32_t)(v * w[0]);
    s[1] += (uint32_t)(v * w[1]);
    s[2] += (uint32_t)(v * w[2]);
    s[3] += (uint32_t)(v * w[3]);
}

/* A sum as int8; `once` states that it is rounded once, as LiteRT does with uint8. */
KERNEL int8_t fully_connected_s8_requantize(const fully_connected_s8_t *p, int32_t once,
                                            uint32_t sum, const factor_t *f) {
    const requant_t q = {0, f->multiplier, f->shift};
    return once ? requantize_once((int32_t)sum, &q, p->zero, p->low, p->high)
                : requantize_sum(sum, &q, p->small, p->zero, p->low, p->high);
}

/* fully_connected_s8 with weights[...] + offset, each sum perhaps rounded once. */
KERNEL void fully_connected_s8_rows(const fully_connected_s8_t *p, int32_t offset, int32_t once,
                                    const int8_t *x, const int8_t *weights, const int32_t *bias,
                                    const factor_t *factors, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        uint32_t add = 0;
        if (offset) {
            int32_t sum = 0;
            for (int32_t k = 0; k < p->k; k++) {
                sum += x[k];
            }
            add = (uint32_t)sum * (uint32_t)offset;
        }
        const int8_t *w = weights;
        const int32_t *b = bias;
        const factor_t *f = factors;
        for (int32_t block = p->oc >> 2; block > 0; block--) {
            uint32_t s[4] = {(uint32_t)b[0] + add, (uint32_t)b[1] + add, (uint32_t)b[2] + add,
                             (uint32_t)b[3] + add};
            const int8_t *in = x;
            for (int32_t k = p->k >> 2; k > 0; k--) {
                fully_connected_s8_tap(s, in[0], w);
                fully_connected_s8_tap(s, in[1], w + 4);
                fully_connected_s8_tap(s, in[2], w + 8);
                fully_connected_s8_tap(s, in[3], w + 12);
                in += 4;
                w += 16;
            }
            for (int32_t k = p->k & 3; k > 0; k--) {
                fully_connected_s8_tap(s, *in++, w);
                w += 4;
            }
            for (int32_t i = 0; i < 4; i++) {
                *y++ = fully_connected_s8_requantize(p, once, s[i], f);
                f += p->next;
            }
            b += 4;
        }
        for (int32_t rest = p->oc & 3; rest > 0; rest--) {
            uint32_t s = (uint32_t)*b++ + add;
            for (int32_t k = 0; k < p->k; k++) {
                s += (uint32_t)(x[k] * *w++);
            }
            *y++ = fully_connected_s8_requantize(p, once, s, f);
            f += p->next;
        }
        x += p->k;
    }
}

/* y[rows][oc] from x[rows][k], weights[oc / 4][k][4] then [oc % 4][k], bias[oc] and factors[oc],
   or one factor. */
KERNEL void fully_connected_s8(const fully_connected_s8_t *p, const int8_t *x,
                               const int8_t *weights, const int32_t *bias, const factor_t *factors,
                               int8_t *y) {
    fully_connected_s8_rows(p, 0, 0, x, weights, bias, factors, y);
}

#endif
