/* Depthwise convolution of one output row with 3x3 filters: each channel's rows, as int16.

   All that is read of a channel is read before that channel is written: y may lie where one of the
   input rows does. */
#ifndef ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_S8_DSP_H
#define ASCUA_DEPTHWISE_CONV2D_3X3_ROWS_S8_DSP_H

#include "depthwise_conv2d_3x3_s8_dsp.h"

typedef struct {
    int32_t iw, c; /* of a row, what is read of it */
    int32_t ow;
    int32_t pitch; /* elements of the plane from one row to the next: even */
    int32_t left;  /* elements of padding left of a row */
    int32_t next;  /* elements from a window to the next: 1 or 2 */
    int32_t fill;  /* the value of padding */
    int32_t zero, low, high;
} depthwise_conv2d_3x3_rows_s8_dsp_t;

/* y[ow][c] from rows[3] of input, null where a row is padding, weights[c][3][3] and requant[c]; the
   plane of a channel's rows lies in scratch. */
KERNEL void depthwise_conv2d_3x3_rows_s8_dsp(const depthwise_conv2d_3x3_rows_s8_dsp_t *p,
                                             const int8_t *const *rows, const int8_t *weights,
                                             const requant_t *requant, int8_t *y, void *scratch) {
    const depthwise_conv2d_3x3_s8_dsp_t row = {
        1,        p->iw,   p->c,     1,       p->ow,   3 * p->pitch, p->pitch, p->left,
        p->pitch, p->next, p->pitch, p->fill, p->zero, p->low,       p->high};
    s16_t *plane = scratch;
    for (int32_t i = 0; i < row.size; i++) {
        plane[i] = (int16_t)p->fill;
    }
    for (int32_t i = 0; i < p->c; i++) {
        for (int32_t ky = 0; ky < 3; ky++) {
            if (rows[ky]) {
                depthwise_conv2d_3x3_s8_dsp_fill(&row, rows[ky] + i, plane + ky * p->pitch);
            }
        }
        depthwise_conv2d_3x3_s8_dsp_outputs(&row, plane, weights + 9 * i, requant + i, y + i);
    }
}

#endif
