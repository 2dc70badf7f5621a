/* Convolution with 3x3 filters by Winograd's products: the walk over tiles, for strides 1 and 2. */
#ifndef ASCUA_WINOGRAD_H
#define ASCUA_WINOGRAD_H

#include "winograd_2x2.h"
#include "winograd_4x4.h"

typedef struct {
    int32_t ow, oc, ic;
    int32_t tiles;    /* rows of tiles that a call makes at most */
    int32_t together; /* pairs of tiles whose images are held, and by which filters go in turn */
    int32_t zero, low, high;
} winograd_t;

/* What makes a filter of either stride: at stride 1 tiles are 4x4 outputs, at stride 2 2x2. */
KERNEL int32_t winograd_side(int32_t stride) {
    return stride == 2 ? 2 : 4;
}

KERNEL int32_t winograd_positions(int32_t stride) {
    return stride == 2 ? 25 : 36;
}

KERNEL void winograd_image_of(int32_t stride, const int8_t *const *rows, int32_t at, int32_t ic,
                              int32_t words, pair_t *v) {
    if (stride == 2) {
        winograd_2x2_image(rows, at, ic, words, v);
    } else {
        winograd_4x4_image(rows, at, ic, words, v);
    }
}

SHARED void winograd_4x4_image_shared(const int8_t *const *rows, int32_t at, int32_t ic,
                                      int32_t words, pair_t *v) {
    winograd_image_of(1, rows, at, ic, words, v);
    KEEP_ORDER();
}

SHARED void winograd_2x2_image_shared(const int8_t *const *rows, int32_t at, int32_t ic,
                                      int32_t words, pair_t *v) {
    winograd_image_of(2, rows, at, ic, words, v);
    KEEP_ORDER();
}

/* The transformed image of a tile: in a copy of its own where ic is known. */
KERNEL void winograd_image(int32_t stride, const int8_t *const *rows, int32_t at, int32_t ic,
                           int32_t words, pair_t *v) {
    if (__builtin_constant_p(ic)) {
        winograd_image_of(stride, rows, at, ic, words, v);
    } else if (stride == 2) {
        winograd_2x2_image_shared(rows, at, ic, words, v);
    } else {
        winograd_4x4_image_shared(rows, at, ic, words, v);
    }
}

KERNEL void winograd_filter(int32_t stride, const pair_t *g, int32_t odd, pair_t *u, int32_t next) {
    if (stride == 2) {
        winograd_2x2_filter(g, odd, u, next);
    } else {
        winograd_4x4_filter(g, odd, u, next);
    }
}

/* u[positions][words][4 channels] of int8 filters, four by four channels of
   w[words / 2][4][3][3][4]; answers the end of w. */
KERNEL const pair_t *winograd_filters_of(int32_t stride, const pair_t *w, int32_t words,
                                         pair_t *u) {
    const int32_t next = 4 * words;
    for (int32_t k = 0; k < words; k += 2) {
        for (int32_t channel = 0; channel < 4; channel++) {
            winograd_filter(stride, w, 0, u, next);
            winograd_filter(stride, w, 1, u + 4, next);
            w += 9;
            u++;
        }
        u += 4;
    }
    KEEP_ORDER();
    return w;
}

SHARED const pair_t *winograd_4x4_filters(const pair_t *w, int32_t words, pair_t *u) {
    return winograd_filters_of(1, w, words, u);
}

SHARED const pair_t *winograd_2x2_filters(const pair_t *w, int32_t words, pair_t *u) {
    return winograd_filters_of(2, w, words, u);
}

/* y[tiles][side][side][4 channels] of sums[positions][4 channels][2 tiles], which are used up, and
   requant[4], whose shift is to the right, 1 to 23 bits. */
KERNEL void winograd_outputs_of(int32_t stride, pair_t *sums, const requant_t *q, int32_t zero,
                                int32_t tiles, int8_t *y, const winograd_steps_t *steps) {
    for (int32_t channel = 0; channel < 4; channel++) {
        const rescale_dsp_t r = rescale_dsp(q->multiplier, -q->shift, zero);
        pair_t *m = sums;
        int8_t *to = y;
        for (int32_t tile = 0; tile < tiles; tile++) {
            if (stride == 2) {
                winograd_2x2_tile(m, (uint32_t)q->bias, &r, to, steps);
            } else {
                winograd_4x4_tile(m, (uint32_t)q->bias, &r, to, steps);
            }
            m++;
            to += steps->tile;
        }
        sums += 2;
        q++;
        y++;
    }
    KEEP_ORDER();
}

SHARED void winograd_4x4_outputs(pair_t *sums, const requant_t *q, int32_t zero, int32_t tiles,
                                 int8_t *y, const winograd_steps_t *steps) {
    winograd_outputs_of(1, sums, q, zero, tiles, y, steps);
}

SHARED void winograd_2x2_outputs(pair_t *sums, const requant_t *q, int32_t zero, int32_t tiles,
                                 int8_t *y, const winograd_steps_t *steps) {
    winograd_outputs_of(2, sums, q, zero, tiles, y, steps);
}

KERNEL const pair_t *winograd_filters(int32_t stride, const pair_t *w, int32_t words, pair_t *u) {
    return stride == 2 ? winograd_2x2_filters(w, words, u) : winograd_4x4_filters(w, words, u);
}

KERNEL void winograd_outputs(int32_t stride, pair_t *sums, const requant_t *q, int32_t zero,
                             int32_t tiles, int8_t *y, const winograd_steps_t *steps) {
    if (stride == 2) {
        winograd_2x2_outputs(sums, q, zero, tiles, y, steps);
    } else {
        winograd_4x4_outputs(sums, q, zero, tiles, y, steps);
    }
}

/* y[h][w][channels] of a pair of tiles, which may be cut: beyond the image, or in the last of four
   channels. */
KERNEL void winograd_pair(const winograd_t *p, int32_t stride, pair_t *sums, const requant_t *q,
                          int32_t h, int32_t w, int32_t channels, int8_t *y) {
    const int32_t side = winograd_side(stride), tiles = w > side ? 2 : 1;
    if (h == side && w % side == 0 && channels == 4) {
        const winograd_steps_t steps = {p->ow * p->oc, p->oc, side * p->oc};
        winograd_outputs(stride, sums, q, p->zero, tiles, y, &steps);
        return;
    }
    const winograd_steps_t steps = {8 * side, 4, 4 * side};
    int8_t whole[128];
    winograd_outputs(stride, sums, q, p->zero, tiles, whole, &steps);
    for (int32_t i = 0; i < h; i++) {
        for (int32_t j = 0; j < w; j++) {
            for (int32_t c = 0; c < channels; c++) {
                y[(i * p->ow + j) * p->oc + c] = whole[i * steps.row + 4 * j + c];
            }
        }
    }
}

/* y[left][ow][oc], but at most `tiles` rows of tiles, from the rows of padded input under them.
   Filters are u[oc / 4][positions][words][4], or where they are `late` int8,
   [oc / 4][words / 2][4][3][3][4], that are transformed in scratch:
   pair_t[together][positions][words][2], sums[positions][8] and perhaps [positions][words][4]. The
   input is read up to three bytes beyond its last pixel. */
KERNEL void winograd_block(const winograd_t *p, int32_t stride, int32_t late,
                           const int8_t *const *rows, const uint32_t *filters,
                           const requant_t *requant, int8_t *y, int32_t left, void *scratch) {
    const int32_t side = winograd_side(stride), positions = winograd_positions(stride);
    const int32_t words = (p->ic + 3) / 4 * 2, image = 2 * positions * words;
    const int32_t h = left < side * p->tiles ? left : side * p->tiles;
    const int32_t pairs = (p->ow + 2 * side - 1) / (2 * side), all = (h + side - 1) / side * pairs;
    pair_t *const v = scratch, *const sums = v + p->together * image;
    pair_t *const later = sums + positions * WINOGRAD_SUMS;
    for (int32_t first = 0; first < all; first += p->together) {
        const int32_t n = all - first < p->together ? all - first : p->together;
        for (int32_t i = 0; i < n; i++) {
            const int32_t down = (first + i) / pairs, x = (first + i) % pairs * 2 * side;
            for (int32_t tile = 0; tile < 2 && x + tile * side < p->ow; tile++) {
                winograd_image(stride, rows + 4 * down, (x + tile * side) * stride * p->ic, p->ic,
                               words, v + i * image + tile);
            }
        }
        const pair_t *next = filters;
        for (int32_t oc = 0; oc < p->oc; oc += 4) {
            const pair_t *u = next;
            if (late) {
                u = later;
                next = winograd_filters(stride, next, words, later);
            } else {
                next += 2 * image;
            }
            for (int32_t i = 0; i < n; i++) {
                const int32_t down = (first + i) / pairs * side;
                const int32_t x = (first + i) % pairs * 2 * side;
                winograd_products(v + i * image, u, sums, words, positions);
                winograd_pair(p, stride, sums, requant + oc, h - down < side ? h - down : side,
                              p->ow - x < 2 * side ? p->ow - x : 2 * side,
                              p->oc - oc < 4 ? p->oc - oc : 4, y + (down * p->ow + x) * p->oc + oc);
            }
        }
    }
    if (p->low > -128 || p->high < 127) {
        for (int32_t i = 0; i < h * p->ow * p->oc; i++) {
            y[i] = clamp_s8(y[i], p->low, p->high);
        }
    }
}

#endif
