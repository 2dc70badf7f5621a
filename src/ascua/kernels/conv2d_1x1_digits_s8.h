/* Convolution with 1x1 filters of a whole image, whose pixels are one row. */
#ifndef ASCUA_CONV2D_1X1_DIGITS_S8_H
#define ASCUA_CONV2D_1X1_DIGITS_S8_H

#include "conv2d_digits_s8.h"

typedef struct {
    int32_t n;                              /* pixels */
    int32_t ic, oc, small, zero, low, high; /* as in conv2d_s8_t */
} conv2d_1x1_digits_s8_t;

/* y[n][oc] from x[n][ic], else as conv2d_digits_s8. */
KERNEL void conv2d_1x1_digits_s8(const conv2d_1x1_digits_s8_t *p, const int8_t *x,
                                 const int8_t *weights, const uint16_t *fours,
                                 const requant_t *requant, int8_t *y, void *scratch) {
    const conv2d_digits_s8_t row = {p->n,  p->oc,    p->ic,   1,      1,      p->ic,
                                    p->ic, p->small, p->zero, p->low, p->high};
    const int8_t *const rows[] = {x};
    conv2d_digits_s8(&row, rows, weights, fours, requant, y, scratch);
}

#endif
