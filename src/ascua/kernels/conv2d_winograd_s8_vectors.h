/* 3x3 convolution of stride 1 by Winograd's products, in vectors; filters lie transformed in flash.
 */
#ifndef ASCUA_CONV2D_WINOGRAD_S8_VECTORS_H
#define ASCUA_CONV2D_WINOGRAD_S8_VECTORS_H

#include "winograd_vectors.h"

typedef struct {
    int32_t ow, oc, ic, tiles, together, vectors, zero, low, high; /* as in winograd_vectors_t */
} conv2d_winograd_s8_vectors_t;

/* y[4 * tiles][ow][oc], or as many rows as are left, from rows[4 * tiles + 2] of padded input; the
   rest as for winograd_vectors. */
KERNEL void conv2d_winograd_s8_vectors(const conv2d_winograd_s8_vectors_t *p,
                                       const int8_t *const *rows, const int16_t *filters,
                                       const int32_t *rescale, int8_t *y, int32_t left,
                                       void *scratch) {
    const winograd_vectors_t all = {p->ow,      p->oc,   p->ic,  p->tiles, p->together,
                                    p->vectors, p->zero, p->low, p->high};
    winograd_vectors(&all, rows, filters, rescale, y, left, scratch);
}

#endif
