/* Softmax of int16, its exponentials and reciprocals out of tables. */
#ifndef ASCUA_SOFTMAX_S16_H
#define ASCUA_SOFTMAX_S16_H

#include "wide.h"

typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift; /* from a difference of inputs to steps of 10 / 65535 */
} softmax_s16_t;

/* The value of a table[513] for v, interpolated. */
KERNEL int32_t softmax_s16_lookup(const int16_t *table, int32_t v) {
    v = clamp(v, INT16_MIN, INT16_MAX);
    const int32_t index = 256 + (v >> 7);
    const int32_t base = table[index];
    return base + (((table[index + 1] - base) * (v & 127) + 64) >> 7);
}

/* y[rows][depth] in Q15 from x[rows][depth]; exponentials[513] are of -10 to 0, reciprocals[513] of
   1 to 2. */
KERNEL void softmax_s16(const softmax_s16_t *p, const s16_t *x, const int16_t *exponentials,
                        const int16_t *reciprocals, s16_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t greatest = INT16_MIN;
        for (int32_t i = 0; i < p->depth; i++) {
            greatest = x[i] > greatest ? x[i] : greatest;
        }
        int32_t sum = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t scaled =
                multiply_by_quantized_multiplier(x[i] - greatest, p->multiplier, p->shift);
            y[i] = (int16_t)softmax_s16_lookup(exponentials, scaled + INT16_MAX);
            sum += y[i];
        }
        int32_t shift = 30; /* the place of the sum's highest bit */
        while (!(sum >> shift)) {
            shift--;
        }
        /* From 1 to 2 in Q16, less 1 and less the middle of int16. */
        const int32_t mantissa =
            (int32_t)((((int64_t)sum << (30 - shift)) + (1 << 13)) >> 14) - 3 * ((int32_t)1 << 15);
        const int32_t inverse = softmax_s16_lookup(reciprocals, mantissa);
        for (int32_t i = 0; i < p->depth; i++) {
            const int64_t product = (int64_t)y[i] * inverse;
            y[i] = clamp_s16((int32_t)((product + ((int32_t)1 << (shift - 1))) >> shift), 0,
                             INT16_MAX);
        }
        x += p->depth;
        y += p->depth;
    }
}

#endif
