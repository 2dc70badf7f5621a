/* A function of one int8 value, as a table. */
#ifndef ASCUA_LUT_S8_H
#define ASCUA_LUT_S8_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
} lut_s8_t;

/* y[n] = table[x], the table in the order of the bits: 0..127, then -128..-1. */
KERNEL void lut_s8(const lut_s8_t *p, const int8_t *x, const int8_t *table, int8_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        y[i] = table[(uint8_t)x[i]];
    }
}

#endif
