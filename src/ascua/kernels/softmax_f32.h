/* Softmax of float32. */
#ifndef ASCUA_SOFTMAX_F32_H
#define ASCUA_SOFTMAX_F32_H

#include "real.h"

typedef struct {
    int32_t rows, depth;
    float beta;
} softmax_f32_t;

/* y[rows][depth] = exp(beta (x - the greatest)) by their sum. */
KERNEL void softmax_f32(const softmax_f32_t *p, const f32_t *x, f32_t *y) {
    for (int32_t row = 0; row < p->rows; row++) {
        float greatest = -REAL_MOST;
        for (int32_t i = 0; i < p->depth; i++) {
            greatest = x[i] > greatest ? x[i] : greatest;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < p->depth; i++) {
            y[i] = real_exp((x[i] - greatest) * p->beta);
            sum += y[i];
        }
        for (int32_t i = 0; i < p->depth; i++) {
            y[i] = y[i] / sum;
        }
        x += p->depth;
        y += p->depth;
    }
    KEEP_ORDER();
}

#endif
