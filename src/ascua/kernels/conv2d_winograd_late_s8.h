/* 3x3 convolution of stride 1 by Winograd's products; filters are int8, transformed late. */
#ifndef ASCUA_CONV2D_WINOGRAD_LATE_S8_H
#define ASCUA_CONV2D_WINOGRAD_LATE_S8_H

#include "winograd.h"

typedef struct {
    int32_t ow, oc, ic, tiles, together, zero, low, high; /* as in winograd_t */
} conv2d_winograd_late_s8_t;

/* y[4 * tiles][ow][oc], or as many rows as are left, from rows[4 * tiles + 2] of padded input,
   filters and requant[oc], filled up to whole fours; scratch is uint32_t[together][36][words][2],
   [36][8] and [36][words][4], for `words` pairs of channels. */
KERNEL void conv2d_winograd_late_s8(const conv2d_winograd_late_s8_t *p, const int8_t *const *rows,
                                    const uint32_t *filters, const requant_t *requant, int8_t *y,
                                    int32_t left, void *scratch) {
    const winograd_t all = {p->ow, p->oc, p->ic, p->tiles, p->together, p->zero, p->low, p->high};
    winograd_block(&all, 1, 1, rows, filters, requant, y, left, scratch);
}

#endif
