/* Transposed convolution with weights that have a zero point, as in uint8 networks. */
#ifndef ASCUA_TRANSPOSE_CONV_U8_H
#define ASCUA_TRANSPOSE_CONV_U8_H

#include "transpose_conv_s8.h"

typedef struct {
    int32_t ih, iw, ic, oh, ow, oc, kh, kw, sy, sx, py, px, offset, small, zero, low, high; /* as
        in transpose_conv_s8_t */
    int32_t weights_offset; /* minus the zero point of the weights */
} transpose_conv_u8_t;

/* As transpose_conv_s8, with weights[...] + weights_offset. */
KERNEL void transpose_conv_u8(const transpose_conv_u8_t *p, const int8_t *x, const int8_t *weights,
                              const requant_t *requant, int8_t *y) {
    const transpose_conv_s8_t plain = {p->ih,     p->iw,    p->ic,   p->oh,  p->ow,  p->oc,
                                       p->kh,     p->kw,    p->sy,   p->sx,  p->py,  p->px,
                                       p->offset, p->small, p->zero, p->low, p->high};
    transpose_conv_s8_all(&plain, p->weights_offset, x, weights, requant, y);
}

#endif
