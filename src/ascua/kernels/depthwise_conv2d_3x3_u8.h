/* Depthwise convolution with 3x3 filters whose weights have a zero point, as in uint8 networks. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_U8_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_U8_H

#include "depthwise_conv2d_3x3_s8.h"

typedef struct {
    int32_t ow, c, step, gap, small, zero, low, high; /* as in depthwise_conv2d_3x3_s8_t */
    int32_t offset;                                   /* minus the zero point of the weights */
} depthwise_conv2d_3x3_u8_t;

/* As depthwise_conv2d_3x3_s8, with weights[...] + offset. */
KERNEL void depthwise_conv2d_3x3_u8(const depthwise_conv2d_3x3_u8_t *p, const int8_t *const *rows,
                                    const int8_t *weights, const requant_t *requant, int8_t *y) {
    const depthwise_conv2d_3x3_s8_t plain = {p->ow,    p->c,    p->step, p->gap,
                                             p->small, p->zero, p->low,  p->high};
    depthwise_conv2d_3x3_s8_rows(&plain, p->offset, rows, weights, requant, y);
}

#endif
