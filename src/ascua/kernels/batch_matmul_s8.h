/* Products of matrices, one of them repeated where the other has more. */
#ifndef ASCUA_BATCH_MATMUL_S8_H
#define ASCUA_BATCH_MATMUL_S8_H

#include "broadcast.h"
#include "fixed.h"

typedef struct {
    int32_t batches, loops;
    int32_t rows, cols, k;
    int32_t a_row, a_col, a_k; /* steps in a from one row, column and product to the next */
    int32_t b_row, b_col, b_k; /* the same in b */
    int32_t a_zero, b_zero;
    int32_t multiplier, shift;
    int32_t zero;
} batch_matmul_s8_t;

/* The output of the k products from a and b on. */
KERNEL int8_t batch_matmul_s8_one(const batch_matmul_s8_t *p, const int8_t *a, const int8_t *b) {
    int32_t sum = 0;
    for (int32_t k = 0; k < p->k; k++) {
        sum += (a[k * p->a_k] - p->a_zero) * (b[k * p->b_k] - p->b_zero);
    }
    const int32_t y = multiply_by_quantized_multiplier(sum, p->multiplier, p->shift);
    return (int8_t)clamp(y + p->zero, -128, 127);
}

/* y[batches][rows][cols], the matrices of a and b found by loops[count][3]. */
KERNEL void batch_matmul_s8(const batch_matmul_s8_t *p, const int8_t *a, const int8_t *b,
                            const int32_t *loops, int8_t *y) {
    for (int32_t batch = 0; batch < p->batches; batch++) {
        int32_t at, bt;
        broadcast_offsets(loops, p->loops, batch, &at, &bt);
        for (int32_t row = 0; row < p->rows; row++) {
            for (int32_t col = 0; col < p->cols; col++) {
                *y++ = batch_matmul_s8_one(p, a + at + row * p->a_row + col * p->a_col,
                                           b + bt + row * p->b_row + col * p->b_col);
            }
        }
    }
}

#endif
