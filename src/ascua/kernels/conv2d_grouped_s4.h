/* Convolution of one output row in groups of channels with weights of 4 bits. */
#ifndef ASCUA_CONV2D_GROUPED_S4_H
#define ASCUA_CONV2D_GROUPED_S4_H

#include "conv2d_s4.h"

typedef struct {
    int32_t ow, oc, step, kh, runs, run, gap, small, zero, low, high; /* as in conv2d_s8_t */
    int32_t groups;
} conv2d_grouped_s4_t;

/* y[ow][oc] from rows[kh] of padded input, of each group weights[n / 4][kh][kw][ic] of four
   channels each, then [n % 4][(kh * kw * ic + 3) / 4] of four taps each, where n = oc / groups, and
   requant[oc]. */
KERNEL void conv2d_grouped_s4(const conv2d_grouped_s4_t *p, const int8_t *const *rows,
                              const uint8_t *weights, const requant_t *requant, int8_t *y) {
    const conv2d_s8_t plain = {p->ow,  p->oc,    p->step, p->kh,  p->runs, p->run,
                               p->gap, p->small, p->zero, p->low, p->high};
    const int32_t taps = p->kh * p->runs * p->run, each = p->oc / p->groups;
    for (int32_t ox = 0; ox < p->ow; ox += 2) {
        /* The last pixel of an odd row is computed twice. */
        const int32_t pair = ox + 1 < p->ow;
        conv2d_s8_pair_t o = {ox * p->step, pair * p->step, pair * p->oc, 0, 0};
        const uint8_t *w = weights;
        const requant_t *q = requant;
        int8_t *to = y;
        for (int32_t group = 0; group < p->groups; group++) {
            for (int32_t n = each >> 2; n > 0; n--) {
                conv2d_s4_four(&plain, rows, o, w, q, to);
                w += 2 * taps;
                q += 4;
                to += 4;
            }
            for (int32_t n = each & 3; n > 0; n--) {
                conv2d_s4_one(&plain, rows, o, w, q++, to++);
                w += 2 * ((taps + 3) >> 2);
            }
            o.at += p->run;
        }
        y += 2 * p->oc;
    }
}

#endif
