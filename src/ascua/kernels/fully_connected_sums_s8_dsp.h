/* Fully connected layer, a piece of its input at a time: two weights in each halfword. */
#ifndef ASCUA_FULLY_CONNECTED_SUMS_S8_DSP_H
#define ASCUA_FULLY_CONNECTED_SUMS_S8_DSP_H

#include "fully_connected_s8_dsp.h"

typedef struct {
    int32_t rows;                             /* pieces of the input */
    int32_t k;                                /* elements of each */
    int32_t oc, next, small, zero, low, high; /* as in fully_connected_s8_t */
    int32_t bytes;                            /* of weights of a piece */
} fully_connected_sums_s8_dsp_t;

/* Adds piece iy, x[k], to the sums in scratch, int32_t[oc]; of the last, y[oc]. Constants are as
   for fully_connected_s8_dsp, but for the weights: those of each piece by themselves. */
KERNEL void fully_connected_sums_s8_dsp(const fully_connected_sums_s8_dsp_t *p, const int8_t *x,
                                        const uint8_t *weights, const int32_t *bias,
                                        const factor_t *factors, int8_t *y, int32_t iy,
                                        void *scratch) {
    const fully_connected_s8_t plain = {1,        p->k,    p->oc,  p->next,
                                        p->small, p->zero, p->low, p->high};
    const uint8_t *w = weights + iy * p->bytes;
    s32_t *sums = scratch;
    for (int32_t oc = 0; oc < p->oc; oc += 4) {
        const int32_t left = p->oc - oc, n = left < 4 ? left : 4;
        uint32_t s[4] = {0, 0, 0, 0};
        if (iy > 0) {
            for (int32_t i = 0; i < n; i++) {
                s[i] = (uint32_t)sums[oc + i];
            }
        }
        if (n == 4) {
            w = fully_connected_s8_dsp_dot(s, 1, x, p->k, w);
        } else {
            for (int32_t i = 0; i < n; i += 2) {
                w = fully_connected_s8_dsp_dot(s + i, 0, x, p->k, w);
            }
        }
        if (iy == p->rows - 1) {
            fully_connected_s8_dsp_store(&plain, s, n, bias + oc, factors + oc * p->next, y + oc);
        } else {
            for (int32_t i = 0; i < n; i++) {
                sums[oc + i] = (int32_t)s[i];
            }
        }
    }
}

#endif
