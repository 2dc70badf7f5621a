/* F(4x4, 3x3) of Winograd in integers, for stride 1: 4x4 outputs by 36 products a channel, not 144.

   All is mod 2^32. The transformed image BdB' and filter GgG' are int16 for any int8; what comes of
   their products is s s' times a sum for s = (24, 12, 6, 6), bit for bit; 9 divides out by its
   inverse, 64 and less by shifts. docs/kernels.md proves it. */
#ifndef ASCUA_WINOGRAD_4X4_H
#define ASCUA_WINOGRAD_4X4_H

#include "winograd_products.h"

/* 9 times this is 1, mod 2^32. */
#define WINOGRAD_NINTH 0x38e38e39u

/* Six values of two channels, which are the lower and the upper half of each word: lower + 2^16 *
   upper. */
typedef struct {
    uint32_t v0, v1, v2, v3, v4, v5;
} winograd_six_t;

/* B' times six values. */
KERNEL winograd_six_t winograd_six(winograd_six_t d) {
    const uint32_t near = d.v4 - d.v2, far = d.v3 - d.v1, outer = d.v4 - 4 * d.v2;
    uint32_t inner = d.v3 - 4 * d.v1;
    WINOGRAD_ONE(inner);
    const winograd_six_t to = {near + 4 * (d.v0 - d.v2), outer + inner,  outer - inner,
                               near + 2 * far,           near - 2 * far, d.v5 - d.v3 - 4 * far};
    return to;
}

/* B' times six pixels of a row, into a row of columns[6][6]. */
KERNEL void winograd_4x4_across(winograd_six_t d, uint32_t *row) {
    const winograd_six_t to = winograd_six(d);
    row[0] = to.v0;
    row[6] = to.v1;
    row[12] = to.v2;
    row[18] = to.v3;
    row[24] = to.v4;
    row[30] = to.v5;
}

/* B' times a column[6]: v[6], `next` words apart, as pairs of int16. */
KERNEL void winograd_4x4_down(const uint32_t *column, pair_t *v, int32_t next) {
    /* What is added to the last two is added to each result. Then no half is below 0, and borrows
       of the other; without its upper bit it is what it was. */
    const winograd_six_t d = {column[0], column[1],           column[2],
                              column[3], column[4] + 0x8000u, column[5] + 0x8000u};
    const winograd_six_t to = winograd_six(d);
    v[0] = to.v0 ^ 0x8000u;
    v[next] = to.v1 ^ 0x8000u;
    v[2 * next] = to.v2 ^ 0x8000u;
    v[3 * next] = to.v3 ^ 0x8000u;
    v[4 * next] = to.v4 ^ 0x8000u;
    v[5 * next] = to.v5 ^ 0x8000u;
}

/* v[6 columns][6 rows][words][2 tiles] of one tile, whose window begins `at` bytes into each of
   rows[6]; ic bytes lie between its pixels, and `words` pairs of channels in each. */
KERNEL void winograd_4x4_image(const int8_t *const *rows, int32_t at, int32_t ic, int32_t words,
                               pair_t *v) {
    const int32_t next = 2 * words;
    for (int32_t k = 0; k < words; k += 2) {
        uint32_t even[36], odd[36]; /* [6 columns][6 rows] */
        uint32_t mask = WINOGRAD_EVEN;
        WINOGRAD_ONE(mask); /* in a register, which shifts of the other operand want */
        for (int32_t i = 0; i < 6; i++) {
            const int8_t *x = rows[i] + at;
            const uint32_t p0 = winograd_pixel(x), p1 = winograd_pixel(x += ic),
                           p2 = winograd_pixel(x += ic), p3 = winograd_pixel(x += ic),
                           p4 = winograd_pixel(x += ic), p5 = winograd_pixel(x += ic);
            const winograd_six_t e = {p0 & mask, p1 & mask, p2 & mask,
                                      p3 & mask, p4 & mask, p5 & mask};
            winograd_4x4_across(e, even + i);
            const winograd_six_t o = {p0 >> 8 & mask, p1 >> 8 & mask, p2 >> 8 & mask,
                                      p3 >> 8 & mask, p4 >> 8 & mask, p5 >> 8 & mask};
            winograd_4x4_across(o, odd + i);
        }
        pair_t *to = v;
        for (int32_t j = 0; j < 36; j += 6) {
            winograd_4x4_down(even + j, to, next);
            winograd_4x4_down(odd + j, to + 2, next);
            to += 6 * next;
        }
        v += 4;
        at += 4;
    }
}

/* A' times six sums of a column, to the second of which `bias` is added, in the place of the first
   four. */
KERNEL void winograd_4x4_column(pair_t *sums, uint32_t bias) {
    const uint32_t m1 = sums[WINOGRAD_SUMS] + bias, m2 = sums[2 * WINOGRAD_SUMS],
                   m3 = sums[3 * WINOGRAD_SUMS], m4 = sums[4 * WINOGRAD_SUMS];
    const uint32_t s = m1 + m2, s2 = m3 + m4, d2 = m3 - m4;
    uint32_t d = m1 - m2;
    WINOGRAD_ONE(d);
    sums[0] = s2 + 2 * (sums[0] - 2 * s);
    sums[WINOGRAD_SUMS] = d2 - 2 * d;
    sums[2 * WINOGRAD_SUMS] = s2 - s;
    sums[3 * WINOGRAD_SUMS] = 2 * (d2 + sums[5 * WINOGRAD_SUMS]) - d;
    KEEP_ORDER();
}

/* A sum times 9 and 2^(bits + 1), as int8. */
KERNEL int8_t winograd_4x4_value(uint32_t sum, int32_t bits, const rescale_dsp_t *r) {
    uint32_t ninth = WINOGRAD_NINTH;
    /* A constant in a register: GCC would make shifts and sums of it. */
    __asm__("" : "+r"(ninth));
    const int32_t twice = (int32_t)(sum * ninth) >> bits;
    return requantize_twice((uint32_t)twice, *r, -128, 127);
}

/* A' times six sums of a row, 2^bits too large, as y[4], `next` bytes apart. */
KERNEL void winograd_4x4_row(const pair_t *sums, int32_t bits, const rescale_dsp_t *r, int8_t *y,
                             int32_t next) {
    const int32_t column = 6 * WINOGRAD_SUMS;
    const uint32_t m1 = sums[column], m2 = sums[2 * column], m3 = sums[3 * column],
                   m4 = sums[4 * column];
    const uint32_t s = m1 + m2, s2 = m3 + m4, d2 = m3 - m4;
    uint32_t d = m1 - m2;
    WINOGRAD_ONE(d);
    y[0] = winograd_4x4_value(s2 + 2 * (sums[0] - 2 * s), bits + 2, r);
    KEEP_ORDER();
    y[2 * next] = winograd_4x4_value(s2 - s, bits, r);
    KEEP_ORDER();
    y[next] = winograd_4x4_value(d2 - 2 * d, bits + 1, r);
    KEEP_ORDER();
    y[3 * next] = winograd_4x4_value(2 * (d2 + sums[5 * column]) - d, bits, r);
    KEEP_ORDER();
}

/* y[4][4] of one channel of one tile, of sums[36], WINOGRAD_SUMS apart, which are used up. The bias
   is 36 times what it is. */
KERNEL void winograd_4x4_tile(pair_t *sums, uint32_t bias, const rescale_dsp_t *r, int8_t *y,
                              const winograd_steps_t *steps) {
    winograd_4x4_column(sums, 0);
    /* The second position of both ways reaches every output alike. */
    winograd_4x4_column(sums + 6 * WINOGRAD_SUMS, bias);
    winograd_4x4_column(sums + 12 * WINOGRAD_SUMS, 0);
    winograd_4x4_column(sums + 18 * WINOGRAD_SUMS, 0);
    winograd_4x4_column(sums + 24 * WINOGRAD_SUMS, 0);
    winograd_4x4_column(sums + 30 * WINOGRAD_SUMS, 0);
    winograd_4x4_row(sums, 3, r, y, steps->column);
    winograd_4x4_row(sums + WINOGRAD_SUMS, 2, r, y + steps->row, steps->column);
    winograd_4x4_row(sums + 2 * WINOGRAD_SUMS, 1, r, y + 2 * steps->row, steps->column);
    winograd_4x4_row(sums + 3 * WINOGRAD_SUMS, 1, r, y + 3 * steps->row, steps->column);
}

#if ASCUA_DSP

/* G times three values of two channels. */
KERNEL winograd_six_t winograd_three(uint32_t g0, uint32_t g1, uint32_t g2) {
    const uint32_t near = winograd_add(g0, g2), middle = winograd_add(g1, g1);
    const uint32_t twice = winograd_add(g2, g2), far = winograd_add(g0, winograd_add(twice, twice));
    const winograd_six_t to = {winograd_add(g0, winograd_add(g0, g0)),
                               winograd_add(near, g1),
                               winograd_subtract(near, g1),
                               winograd_add(far, middle),
                               winograd_subtract(far, middle),
                               winograd_add(g2, twice)};
    return to;
}

#else

/* G times three values of two channels. */
KERNEL winograd_six_t winograd_three(uint32_t g0, uint32_t g1, uint32_t g2) {
    const uint32_t near = g0 + g2, far = g0 + 4 * g2;
    const winograd_six_t to = {g0 + 2 * g0,  near + g1,    near - g1,
                               far + 2 * g1, far - 2 * g1, g2 + 2 * g2};
    return to;
}

#endif

/* u[6 columns][6 rows], `next` words apart, of two channels of g[3][3]. */
KERNEL void winograd_4x4_filter(const pair_t *g, int32_t odd, pair_t *u, int32_t next) {
    uint32_t rows[18]; /* [3][6] */
    for (uint32_t *row = rows; row < rows + 18; row += 6) {
        const winograd_six_t to = winograd_three(
            winograd_weight(g[0], odd), winograd_weight(g[1], odd), winograd_weight(g[2], odd));
        row[0] = to.v0;
        row[1] = to.v1;
        row[2] = to.v2;
        row[3] = to.v3;
        row[4] = to.v4;
        row[5] = to.v5;
        g += 3;
    }
    for (int32_t j = 0; j < 6; j++) {
        const winograd_six_t to = winograd_three(rows[j], rows[6 + j], rows[12 + j]);
        u[0] = winograd_repaid(to.v0);
        u[next] = winograd_repaid(to.v1);
        u[2 * next] = winograd_repaid(to.v2);
        u[3 * next] = winograd_repaid(to.v3);
        u[4 * next] = winograd_repaid(to.v4);
        u[5 * next] = winograd_repaid(to.v5);
        u += 6 * next;
    }
}

#endif
