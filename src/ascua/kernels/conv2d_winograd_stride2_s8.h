/* 3x3 convolution of stride 2 by Winograd's products; filters lie transformed in flash. */
#ifndef ASCUA_CONV2D_WINOGRAD_STRIDE2_S8_H
#define ASCUA_CONV2D_WINOGRAD_STRIDE2_S8_H

#include "winograd.h"

typedef struct {
    int32_t ow, oc, ic, zero, low, high; /* as in winograd_t */
} conv2d_winograd_stride2_s8_t;

/* y[2][ow][oc], or as many rows as are left, from rows[5] of padded input, filters
   and requant[oc], filled up to whole fours; scratch is
   uint32_t[25][words][2] and [25][8], for `words` pairs of channels. */
KERNEL void conv2d_winograd_stride2_s8(const conv2d_winograd_stride2_s8_t *p,
                                       const int8_t *const *rows, const uint32_t *filters,
                                       const requant_t *requant, int8_t *y, int32_t left,
                                       void *scratch) {
    const winograd_t all = {p->ow, p->oc, p->ic, 1, 1, p->zero, p->low, p->high};
    winograd_block(&all, 2, 0, rows, filters, requant, y, left, scratch);
}

#endif
