/* Convolution of one output row of int16 in groups of channels: four of a group at a time. */
#ifndef ASCUA_CONV2D_GROUPED_S16_H
#define ASCUA_CONV2D_GROUPED_S16_H

#include "conv2d_s16.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, short_sums, low, high; /* as in conv2d_s16_t */
    int32_t groups;
} conv2d_grouped_s16_t;

/* y[ow][oc] from rows[kh] of padded input, of each group weights[n / 4][kh][kw][ic][4] then
   [n % 4][kh][kw][ic], where n = oc / groups, and bias[oc] and requant[oc]. */
KERNEL void conv2d_grouped_s16(const conv2d_grouped_s16_t *p, const int8_t *const *rows,
                               const int8_t *weights, const int64_t *bias,
                               const requant_s16_t *requant, s16_t *y) {
    const conv2d_s16_t plain = {p->ow,  p->oc,  p->step,       p->kh,  p->runs,
                                p->run, p->gap, p->short_sums, p->low, p->high};
    const int32_t taps = p->kh * p->runs * p->run, each = p->oc / p->groups;
    for (int32_t ox = 0; ox < p->ow; ox++) {
        const int8_t *w = weights;
        int32_t oc = 0, at = ox * p->step;
        for (int32_t group = 0; group < p->groups; group++) {
            for (int32_t n = each >> 2; n > 0; n--) {
                conv2d_s16_lanes(&plain, 4, rows, at, w, bias + oc, requant + oc, y + oc);
                w += 4 * taps;
                oc += 4;
            }
            for (int32_t n = each & 3; n > 0; n--) {
                conv2d_s16_lanes(&plain, 1, rows, at, w, bias + oc, requant + oc, y + oc);
                w += taps;
                oc++;
            }
            at += p->run;
        }
        y += p->oc;
    }
}

#endif
