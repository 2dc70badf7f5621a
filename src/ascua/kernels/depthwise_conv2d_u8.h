/* Depthwise convolution of one row with weights that have a zero point, as in uint8 networks. */
#ifndef ASCUA_DEPTHWISE_CONV2D_U8_H
#define ASCUA_DEPTHWISE_CONV2D_U8_H

#include "depthwise_conv2d_s8.h"

typedef struct {
    int32_t ow, oc, groups, n, next, kh, kw, step, gap, small, zero, low, high; /* as in
        depthwise_conv2d_s8_t */
    int32_t offset; /* minus the zero point of the weights */
} depthwise_conv2d_u8_t;

/* As depthwise_conv2d_s8, with weights[...] + offset. */
KERNEL void depthwise_conv2d_u8(const depthwise_conv2d_u8_t *p, const int8_t *const *rows,
                                const int8_t *weights, const requant_t *requant, int8_t *y) {
    const depthwise_conv2d_s8_t plain = {p->ow,   p->oc,  p->groups, p->n,   p->next,
                                         p->kh,   p->kw,  p->step,   p->gap, p->small,
                                         p->zero, p->low, p->high};
    depthwise_conv2d_s8_rows(&plain, p->offset, rows, 0, weights, requant, y);
}

#endif
