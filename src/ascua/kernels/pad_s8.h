/* A frame of one value around a tensor. */
#ifndef ASCUA_PAD_S8_H
#define ASCUA_PAD_S8_H

#include "kernel.h"

typedef struct {
    int32_t value, size;                /* of the padding; bytes of the output */
    int32_t width;                      /* bytes of an element, or 1 where all are the same */
    int32_t offset;                     /* bytes of padding before the first row */
    int32_t row;                        /* bytes of input that stay together */
    int32_t n0, n1, n2, n3;             /* rows of the input a dimension, outermost first */
    int32_t step0, step1, step2, step3; /* bytes of output from one to the next */
} pad_s8_t;

/* y[size] of bytes = value, but for x[n0][n1][n2][n3][row]. */
KERNEL void pad_s8(const pad_s8_t *p, const int8_t *x, int8_t *y) {
    if (p->width == 2) {
        const int16_t value = (int16_t)p->value;
        for (int32_t i = 0; i < p->size; i += 2) {
            memcpy(y + i, &value, 2);
        }
    } else if (p->width == 4) {
        for (int32_t i = 0; i < p->size; i += 4) {
            memcpy(y + i, &p->value, 4);
        }
    } else {
        memset(y, (int)p->value, (size_t)p->size);
    }
    y += p->offset;
    for (int32_t i0 = 0; i0 < p->n0; i0++) {
        for (int32_t i1 = 0; i1 < p->n1; i1++) {
            for (int32_t i2 = 0; i2 < p->n2; i2++) {
                int8_t *out = y + i0 * p->step0 + i1 * p->step1 + i2 * p->step2;
                for (int32_t i3 = 0; i3 < p->n3; i3++) {
                    memcpy(out + i3 * p->step3, x, (size_t)p->row);
                    x += p->row;
                }
            }
        }
    }
}

#endif
