/* What is false becomes true, and what is true, false. */
#ifndef ASCUA_LOGICAL_NOT_S8_H
#define ASCUA_LOGICAL_NOT_S8_H

#include "kernel.h"

typedef struct {
    int32_t n; /* elements */
} logical_not_s8_t;

/* y[n] = 1 where x is 0, else 0. */
KERNEL void logical_not_s8(const logical_not_s8_t *p, const int8_t *x, int8_t *y) {
    for (int32_t i = 0; i < p->n; i++) {
        y[i] = (int8_t)!x[i];
    }
}

#endif
