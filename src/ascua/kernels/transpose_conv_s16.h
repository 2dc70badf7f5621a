/* Transposed convolution of int16: each output pixel gathers from the pixels that reach it. */
#ifndef ASCUA_TRANSPOSE_CONV_S16_H
#define ASCUA_TRANSPOSE_CONV_S16_H

#include "wide.h"

typedef struct {
    int32_t ih, iw, ic;
    int32_t oh, ow, oc;
    int32_t kh, kw;
    int32_t sy, sx;
    int32_t py, px; /* rows and columns of output that are dropped above and left */
    int32_t low, high;
} transpose_conv_s16_t;

/* y[lanes], for 1 or 4 channels, of the output pixel (oy, ox) counted from what is dropped. */
KERNEL void transpose_conv_s16_lanes(const transpose_conv_s16_t *p, int32_t lanes, const s16_t *x,
                                     int32_t oy, int32_t ox, const int8_t *w, const int64_t *bias,
                                     const requant_s16_t *q, s16_t *y) {
    int64_t sum[4] = {bias[0], 0, 0, 0};
    for (int32_t i = 1; i < lanes; i++) {
        sum[i] = bias[i];
    }
    for (int32_t ky = oy % p->sy, iy = oy / p->sy; ky < p->kh && iy >= 0; ky += p->sy, iy--) {
        for (int32_t kx = ox % p->sx, ix = ox / p->sx; kx < p->kw && ix >= 0; kx += p->sx, ix--) {
            if (iy < p->ih && ix < p->iw) {
                const s16_t *from = x + (iy * p->iw + ix) * p->ic;
                const int8_t *taps = w + lanes * (ky * p->kw + kx) * p->ic;
                if (lanes > 1) {
                    wide_dot4(sum, from, taps, p->ic);
                } else {
                    sum[0] += wide_dot(from, 1, taps, 1, p->ic);
                }
            }
        }
    }
    for (int32_t i = 0; i < lanes; i++) {
        y[i] = requantize_s16(sum[i], &q[i], 0, p->low, p->high);
    }
}

/* y[oh][ow][oc] from x[ih][iw][ic], weights[oc / 4][kh][kw][ic][4] then [oc % 4][kh][kw][ic],
   bias[oc] and requant[oc]. */
KERNEL void transpose_conv_s16(const transpose_conv_s16_t *p, const s16_t *x, const int8_t *weights,
                               const int64_t *bias, const requant_s16_t *requant, s16_t *y) {
    const int32_t taps = p->kh * p->kw * p->ic;
    for (int32_t oy = p->py; oy < p->py + p->oh; oy++) {
        for (int32_t ox = p->px; ox < p->px + p->ow; ox++) {
            const int8_t *w = weights;
            int32_t oc = 0;
            for (; oc + 4 <= p->oc; oc += 4) {
                transpose_conv_s16_lanes(p, 4, x, oy, ox, w, bias + oc, requant + oc, y + oc);
                w += 4 * taps;
            }
            for (const int32_t end = oc + (p->oc & 3); oc < end; oc++) {
                transpose_conv_s16_lanes(p, 1, x, oy, ox, w, bias + oc, requant + oc, y + oc);
                w += taps;
            }
            y += p->oc;
        }
    }
}

#endif
