/* F(2x2, 2x2) of Winograd in integers, for stride 2: 2x2 outputs by 25 products a channel, not 36.

   Even and odd pixels are apart: two taps meet even ones, x0, x2 and x4, and one the odd ones, x1
   and x3. With BdB' for B x = (x0 - x2, x2, x2 - x4, x1, x3) and GgG' for
   G w = (w0, w0 + w2, w2, w1, w1), outputs are sums of products, exact mod 2^32. */
#ifndef ASCUA_WINOGRAD_2X2_H
#define ASCUA_WINOGRAD_2X2_H

#include "winograd_products.h"

/* B times five pixels of a row, into a row of columns[5][5]. */
KERNEL void winograd_2x2_across(uint32_t x0, uint32_t x1, uint32_t x2, uint32_t x3, uint32_t x4,
                                uint32_t *row) {
    row[0] = x0 - x2;
    row[5] = x2;
    row[10] = x2 - x4;
    row[15] = x1;
    row[20] = x3;
}

/* B times a column[5]: v[5], `next` words apart, as pairs of int16. */
KERNEL void winograd_2x2_down(const uint32_t *column, pair_t *v, int32_t next) {
    /* No lower half is below 0, then, and borrows of the upper one. */
    const uint32_t half = 0x8000u, x2 = column[2] + half;
    v[0] = (column[0] + half - column[2]) ^ half;
    v[next] = x2 ^ half;
    v[2 * next] = (x2 - column[4]) ^ half;
    v[3 * next] = (column[1] + half) ^ half;
    v[4 * next] = (column[3] + half) ^ half;
}

/* v[5 columns][5 rows][words][2 tiles] of one tile, whose window begins `at` bytes into each of
   rows[5]; ic bytes lie between its pixels, and `words` pairs of channels in each. */
KERNEL void winograd_2x2_image(const int8_t *const *rows, int32_t at, int32_t ic, int32_t words,
                               pair_t *v) {
    const int32_t next = 2 * words;
    for (int32_t k = 0; k < words; k += 2) {
        uint32_t even[25], odd[25]; /* [5 columns][5 rows] */
        uint32_t mask = WINOGRAD_EVEN;
        WINOGRAD_ONE(mask); /* in a register, which shifts of the other operand want */
        for (int32_t i = 0; i < 5; i++) {
            const int8_t *x = rows[i] + at;
            const uint32_t p0 = winograd_pixel(x), p1 = winograd_pixel(x += ic),
                           p2 = winograd_pixel(x += ic), p3 = winograd_pixel(x += ic),
                           p4 = winograd_pixel(x += ic);
            winograd_2x2_across(p0 & mask, p1 & mask, p2 & mask, p3 & mask, p4 & mask, even + i);
            winograd_2x2_across(p0 >> 8 & mask, p1 >> 8 & mask, p2 >> 8 & mask, p3 >> 8 & mask,
                                p4 >> 8 & mask, odd + i);
        }
        pair_t *to = v;
        for (int32_t j = 0; j < 25; j += 5) {
            winograd_2x2_down(even + j, to, next);
            winograd_2x2_down(odd + j, to + 2, next);
            to += 5 * next;
        }
        v += 4;
        at += 4;
    }
}

/* Of five sums of a column what makes the first output, and what makes the second. */
KERNEL uint32_t winograd_2x2_first(const pair_t *sums) {
    return sums[0] + sums[WINOGRAD_SUMS] + sums[3 * WINOGRAD_SUMS];
}

KERNEL uint32_t winograd_2x2_second(const pair_t *sums) {
    return sums[WINOGRAD_SUMS] - sums[2 * WINOGRAD_SUMS] + sums[4 * WINOGRAD_SUMS];
}

/* Two outputs of a row, `next` bytes apart, of what its columns make. */
KERNEL void winograd_2x2_row(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t c4,
                             const rescale_dsp_t *r, int8_t *y, int32_t next) {
    y[0] = requantize_twice(2 * (c0 + c1 + c3), *r, -128, 127);
    KEEP_ORDER();
    y[next] = requantize_twice(2 * (c1 - c2 + c4), *r, -128, 127);
    KEEP_ORDER();
}

/* y[2][2] of one channel of one tile, of sums[25], WINOGRAD_SUMS apart, to one of which the bias is
   added. */
KERNEL void winograd_2x2_tile(pair_t *sums, uint32_t bias, const rescale_dsp_t *r, int8_t *y,
                              const winograd_steps_t *steps) {
    const int32_t column = 5 * WINOGRAD_SUMS;
    /* The second position of both ways reaches every output alike. */
    sums[6 * WINOGRAD_SUMS] += bias;
    winograd_2x2_row(winograd_2x2_first(sums), winograd_2x2_first(sums + column),
                     winograd_2x2_first(sums + 2 * column), winograd_2x2_first(sums + 3 * column),
                     winograd_2x2_first(sums + 4 * column), r, y, steps->column);
    winograd_2x2_row(winograd_2x2_second(sums), winograd_2x2_second(sums + column),
                     winograd_2x2_second(sums + 2 * column), winograd_2x2_second(sums + 3 * column),
                     winograd_2x2_second(sums + 4 * column), r, y + steps->row, steps->column);
}

/* u[5 columns][5 rows], `next` words apart, of two channels of g[3][3]. */
KERNEL void winograd_2x2_filter(const pair_t *g, int32_t odd, pair_t *u, int32_t next) {
    uint32_t rows[12]; /* [3][4]: the last one is there twice */
    for (uint32_t *row = rows; row < rows + 12; row += 4) {
        row[0] = winograd_weight(g[0], odd);
        row[2] = winograd_weight(g[2], odd);
        row[1] = winograd_add(row[0], row[2]);
        row[3] = winograd_weight(g[1], odd);
        g += 3;
    }
    for (int32_t j = 0; j < 5; j++) {
        const uint32_t *column = rows + (j < 4 ? j : 3);
        u[0] = winograd_repaid(column[0]);
        u[next] = winograd_repaid(winograd_add(column[0], column[8]));
        u[2 * next] = winograd_repaid(column[8]);
        u[3 * next] = winograd_repaid(column[4]);
        u[4 * next] = winograd_repaid(column[4]);
        u += 5 * next;
    }
}

#endif
