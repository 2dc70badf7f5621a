/* Fully connected layer of a uint8 network: weights with a zero point, sums rounded once. */
#ifndef ASCUA_FULLY_CONNECTED_U8_H
#define ASCUA_FULLY_CONNECTED_U8_H

#include "fully_connected_s8.h"

typedef struct {
    int32_t rows, k, oc, next, zero, low, high; /* as in fully_connected_s8_t */
    int32_t offset;                             /* minus the zero point of the weights */
} fully_connected_u8_t;

/* As fully_connected_s8, with weights[...] + offset. */
KERNEL void fully_connected_u8(const fully_connected_u8_t *p, const int8_t *x,
                               const int8_t *weights, const int32_t *bias, const factor_t *factors,
                               int8_t *y) {
    const fully_connected_s8_t plain = {p->rows, p->k, p->oc, p->next, 0, p->zero, p->low, p->high};
    fully_connected_s8_rows(&plain, p->offset, 1, x, weights, bias, factors, y);
}

#endif
