/* Convolution of a whole image, pixel by pixel, by vectors of sixteen channels. */
#ifndef ASCUA_CONV2D_1X1_S8_VECTORS_H
#define ASCUA_CONV2D_1X1_S8_VECTORS_H

#include "conv2d_s8_vectors.h"

typedef struct {
    int32_t pixels, ic;
    int32_t oc, vectors, channels, zero, low, high; /* as in conv2d_s8_vectors_t */
} conv2d_1x1_s8_vectors_t;

/* y[pixels][oc] from x[pixels][ic]; weights and rescale as for conv2d_s8_vectors. */
KERNEL void conv2d_1x1_s8_vectors(const conv2d_1x1_s8_vectors_t *p, const int8_t *x,
                                  const int8_t *weights, const int32_t *rescale, int8_t *y,
                                  void *scratch) {
    const conv2d_s8_vectors_t row = {
        p->pixels,  p->oc,       p->ic,   1,      1,       p->ic, p->ic,
        p->vectors, p->channels, p->zero, p->low, p->high, 0,     p->pixels * p->ic,
        0,          p->pixels,   0};
    const int8_t *const rows[1] = {x};
    conv2d_s8_vectors(&row, rows, weights, rescale, y, scratch);
}

#endif
