/* Convolution of one output row in groups of channels: four of a group by two pixels at a time. */
#ifndef ASCUA_CONV2D_GROUPED_S8_H
#define ASCUA_CONV2D_GROUPED_S8_H

#include "conv2d_s8.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
    int32_t groups;
} conv2d_grouped_s8_t;

/* conv2d_grouped_s8 with weights[...] + offset. */
KERNEL void conv2d_grouped_s8_row(const conv2d_s8_t *p, int32_t groups, int32_t offset,
                                  const int8_t *const *rows, const int8_t *weights,
                                  const requant_t *requant, int8_t *y) {
    const int32_t taps = p->kh * p->runs * p->run, each = p->oc / groups;
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* The last pixel of an odd row is computed twice. */
        const int32_t pair = ox + 1 < p->ow;
        conv2d_s8_pair_t o = {ox * p->step, pair * p->step, pair * p->oc, 0, 0};
        const int8_t *w = weights;
        const requant_t *q = requant;
        int8_t *to = y;
        for (int32_t group = 0; group < groups; group++) {
            if (offset) {
                o.a = o.b = 0;
                conv2d_s8_shift(p, offset, rows, &o);
            }
            for (int32_t n = each >> 2; n > 0; n--) {
                conv2d_s8_four(p, rows, o, w, q, to);
                w += 4 * taps;
                q += 4;
                to += 4;
            }
            for (int32_t n = each & 3; n > 0; n--) {
                conv2d_s8_one(p, rows, o, w, q++, to++);
                w += taps;
            }
            o.at += p->run;
        }
        y += 2 * p->oc;
    }
}

/* y[ow][oc] from rows[kh] of padded input, of each group weights[n / 4][kh][kw][ic][4] then
   [n % 4][kh][kw][ic], where n = oc / groups, and requant[oc]. */
KERNEL void conv2d_grouped_s8(const conv2d_grouped_s8_t *p, const int8_t *const *rows,
                              const int8_t *weights, const requant_t *requant, int8_t *y) {
    const conv2d_s8_t plain = {p->ow,  p->oc,    p->step, p->kh,  p->runs, p->run,
                               p->gap, p->small, p->zero, p->low, p->high};
    conv2d_grouped_s8_row(&plain, p->groups, 0, rows, weights, requant, y);
}

#endif
