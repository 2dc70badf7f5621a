/* Products of matrices of int16, one of them repeated where the other has more. */
#ifndef ASCUA_BATCH_MATMUL_S16_H
#define ASCUA_BATCH_MATMUL_S16_H

#include "broadcast.h"
#include "wide.h"

typedef struct {
    int32_t batches, loops;
    int32_t rows, cols, k;
    int32_t a_row, a_col, a_k; /* steps in a from one row, column and product to the next */
    int32_t b_row, b_col, b_k; /* the same in b */
    int32_t multiplier, shift; /* m / 2^shift */
} batch_matmul_s16_t;

/* The output of the k products from a and b on. */
KERNEL int16_t batch_matmul_s16_one(const batch_matmul_s16_t *p, const s16_t *a, const s16_t *b) {
    int64_t sum = 0;
    for (int32_t k = 0; k < p->k; k++) {
        sum += (int32_t)a[k * p->a_k] * b[k * p->b_k];
    }
    const requant_s16_t q = {p->multiplier, p->shift};
    return requantize_s16(sum, &q, 0, INT16_MIN, INT16_MAX);
}

/* y[batches][rows][cols], the matrices of a and b found by loops[count][3]. */
KERNEL void batch_matmul_s16(const batch_matmul_s16_t *p, const s16_t *a, const s16_t *b,
                             const int32_t *loops, s16_t *y) {
    for (int32_t batch = 0; batch < p->batches; batch++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, batch, &at, &bt);
        for (int32_t row = 0; row < p->rows; row++) {
            for (int32_t col = 0; col < p->cols; col++) {
                *y++ = batch_matmul_s16_one(p, a + at + row * p->a_row + col * p->a_col,
                                            b + bt + row * p->b_row + col * p->b_col);
            }
        }
    }
}

#endif
