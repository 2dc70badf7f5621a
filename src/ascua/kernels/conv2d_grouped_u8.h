/* Convolution of one output row in groups of channels with weights that have a zero point. */
#ifndef ASCUA_CONV2D_GROUPED_U8_H
#define ASCUA_CONV2D_GROUPED_U8_H

#include "conv2d_grouped_s8.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
    int32_t offset; /* minus the zero point of the weights */
    int32_t groups;
} conv2d_grouped_u8_t;

/* As conv2d_grouped_s8, with weights[...] + offset. */
KERNEL void conv2d_grouped_u8(const conv2d_grouped_u8_t *p, const int8_t *const *rows,
                              const int8_t *weights, const requant_t *requant, int8_t *y) {
    const conv2d_s8_t plain = {p->ow,  p->oc,    p->step, p->kh,  p->runs, p->run,
                               p->gap, p->small, p->zero, p->low, p->high};
    conv2d_grouped_s8_row(&plain, p->groups, p->offset, rows, weights, requant, y);
}

#endif
