/* Convolution of one output row in little code: two channels of a pixel at a time. */
#ifndef ASCUA_CONV2D_COMPACT_S8_H
#define ASCUA_CONV2D_COMPACT_S8_H

#include "fixed.h"

typedef struct {
    int32_t ow, oc;
    int32_t step;      /* bytes from one window to the next: sx * ic */
    int32_t kh;        /* rows of the filter */
    int32_t runs, run; /* runs of adjacent bytes in a row of the filter, and their length */
    int32_t gap;       /* bytes from one run to the next: dx * ic */
    int32_t zero, low, high;
} conv2d_compact_s8_t;

/* y[ow][oc] from rows[kh] of padded input, weights[oc][kh][kw][ic] and requant[oc]. */
KERNEL void conv2d_compact_s8(const conv2d_compact_s8_t *p, const int8_t *const *rows,
                              const int8_t *weights, const requant_t *requant, int8_t *y) {
    const int32_t taps = p->kh * p->runs * p->run;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int8_t *w = weights;
        for (int32_t oc = 0; oc < p->oc; oc += 2) {
            /* The last of an odd number is computed twice. */
            const int32_t second = oc + 1 < p->oc;
            const requant_t *q = requant + oc;
            uint32_t a = (uint32_t)q[0].bias, b = (uint32_t)q[second].bias;
            const int8_t *v = w + second * taps;
            for (int32_t ky = 0; ky < p->kh; ky++) {
                const int8_t *x = rows[ky] + ox * p->step;
                for (int32_t i = 0; i < p->runs; i++) {
                    for (int32_t n = 0; n < p->run; n++) {
                        a += (uint32_t)(x[n] * *w++);
                        b += (uint32_t)(x[n] * *v++);
                    }
                    x += p->gap;
                }
            }
            y[0] = requantize((int32_t)a, &q[0], p->zero, p->low, p->high);
            y[second] = requantize((int32_t)b, &q[second], p->zero, p->low, p->high);
            y += 1 + second;
            w = v;
        }
    }
}

#endif
