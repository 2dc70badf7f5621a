/* Vectors scaled to the length one, which is 128 in the output. */
#ifndef ASCUA_L2_NORMALIZATION_S8_H
#define ASCUA_L2_NORMALIZATION_S8_H

#include "fixed.h"

typedef struct {
    int32_t rows, depth;
    int32_t zero; /* of the input */
} l2_normalization_s8_t;

/* Multiplier and shift of 1 / sqrt(x), for x of at least 0: five steps of Newton's method in Q3. */
SHARED requant_t l2_normalization_s8_root(int32_t x) {
    requant_t q = {0, INT32_MAX, 0};
    if (x <= 1) {
        return q;
    }
    /* By pairs of bits into [2^27, 2^29). */
    q.shift = -11;
    while (x >= (int32_t)1 << 29) {
        x /= 4;
        q.shift--;
    }
    while (x < (int32_t)1 << 27) {
        x *= 4;
        q.shift++;
    }
    const int32_t half = ((x >> 1) + 1) >> 1;
    int32_t root = (int32_t)1 << 28;
    for (int32_t i = 0; i < 5; i++) {
        int32_t cube = rounding_doubling_high_mul(root, root);
        cube = rounding_doubling_high_mul(cube, root);
        cube = cube >= (int32_t)1 << 25 ? INT32_MAX : cube * 64;
        root = (rounding_doubling_high_mul(root, (int32_t)3 << 27) -
                rounding_doubling_high_mul(half, cube)) *
               8;
    }
    q.multiplier = rounding_doubling_high_mul(root, 1518500250); /* 1 / sqrt(2) in Q0 */
    if (q.shift > 0) {
        q.multiplier *= (int32_t)1 << q.shift;
        q.shift = 0;
    }
    return q;
}

/* y[rows][depth] from x[rows][depth]. */
KERNEL void l2_normalization_s8(const l2_normalization_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t squares = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t v = x[i] - p->zero;
            squares += v * v;
        }
        const requant_t q = l2_normalization_s8_root(squares);
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t v =
                multiply_by_quantized_multiplier(x[i] - p->zero, q.multiplier, q.shift + 7);
            y[i] = (int8_t)saturate(v);
        }
        x += p->depth;
        y += p->depth;
    }
}

#endif
