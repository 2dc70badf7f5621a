/* Convolution of a whole image, pixel by pixel, with the DSP extension. */
#ifndef ASCUA_CONV2D_1X1_S8_DSP_H
#define ASCUA_CONV2D_1X1_S8_DSP_H

#include "conv2d_s8_dsp.h"

typedef struct {
    int32_t pixels, ic;
    int32_t oc, words, small, zero, low, high; /* as in conv2d_s8_dsp_t */
} conv2d_1x1_s8_dsp_t;

/* y[pixels][oc] from x[pixels][ic]; weights and requant as for conv2d_s8_dsp. */
KERNEL void conv2d_1x1_s8_dsp(const conv2d_1x1_s8_dsp_t *p, const int8_t *x, const uint8_t *weights,
                              const requant_t *requant, int8_t *y, void *scratch) {
    const conv2d_s8_dsp_t row = {p->pixels, p->oc,    p->ic,    1,       1,      p->ic,
                                 p->ic,     p->words, p->small, p->zero, p->low, p->high};
    const int8_t *const rows[1] = {x};
    conv2d_s8_dsp(&row, rows, weights, requant, y, scratch);
}

#endif
