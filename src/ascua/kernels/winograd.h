/* Exact F(4x4, 3x3) of Winograd: 4x4 outputs of a 3x3 filter by 36 products a channel, not 144.

   All is integers mod 2^32. The transformed image V = B'dB and filter U = GgG' are int16 for any
   int8; A(U V)A' is s s' times a sum for s = (24, 12, 6, 6), bit for bit; 9 divides out by its
   inverse, 64 and less by shifts. docs/kernels.md proves it. Two tiles side by side by four
   channels are made at a time; two channels of the image lie in a word: 0 and 2, then 1 and 3. */
#ifndef ASCUA_WINOGRAD_H
#define ASCUA_WINOGRAD_H

#include "copy.h"
#include "requant_dsp.h"

/* 9 times this is 1, mod 2^32. */
#define WINOGRAD_NINTH 0x38e38e39u

/* Sums of four channels of two tiles. */
#define WINOGRAD_SUMS 8

/* A value of which GCC makes no other: it would compute what is subtracted once more, negated. */
#define WINOGRAD_ONE(value) __asm__("" : "+r"(value))

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
KERNEL void winograd_across(winograd_six_t d, uint32_t *row) {
    const winograd_six_t to = winograd_six(d);
    row[0] = to.v0;
    row[6] = to.v1;
    row[12] = to.v2;
    row[18] = to.v3;
    row[24] = to.v4;
    row[30] = to.v5;
}

/* B' times a column[6]: v[6], `next` words apart, as pairs of int16. */
KERNEL void winograd_down(const uint32_t *column, pair_t *v, int32_t next) {
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

/* Bytes 0 and 2 of a word. */
#define WINOGRAD_EVEN 0x00ff00ffu

/* Four channels of a pixel, 128 more each: no value is below 0. */
KERNEL uint32_t winograd_pixel(const int8_t *x) {
    return four_bytes(x) ^ 0x80808080u;
}

/* v[6 columns][6 rows][words][2 tiles] of one tile, whose window begins `at` bytes into each of
   rows[6]; ic bytes lie between its pixels, and `words` pairs of channels in each. */
KERNEL void winograd_image_of(const int8_t *const *rows, int32_t at, int32_t ic, int32_t words,
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
            winograd_across(e, even + i);
            const winograd_six_t o = {p0 >> 8 & mask, p1 >> 8 & mask, p2 >> 8 & mask,
                                      p3 >> 8 & mask, p4 >> 8 & mask, p5 >> 8 & mask};
            winograd_across(o, odd + i);
        }
        pair_t *to = v;
        for (int32_t j = 0; j < 36; j += 6) {
            winograd_down(even + j, to, next);
            winograd_down(odd + j, to + 2, next);
            to += 6 * next;
        }
        v += 4;
        at += 4;
    }
}

SHARED void winograd_image_shared(const int8_t *const *rows, int32_t at, int32_t ic, int32_t words,
                                  pair_t *v) {
    winograd_image_of(rows, at, ic, words, v);
    KEEP_ORDER();
}

/* The same, in a copy of its own where ic is known. */
KERNEL void winograd_image(const int8_t *const *rows, int32_t at, int32_t ic, int32_t words,
                           pair_t *v) {
    if (__builtin_constant_p(ic)) {
        winograd_image_of(rows, at, ic, words, v);
    } else {
        winograd_image_shared(rows, at, ic, words, v);
    }
}

#if ASCUA_ARM_32
/* clang-format off */

#define WINOGRAD_NEW(sum) ""
#define WINOGRAD_MORE(sum) ", " sum
#define WINOGRAD_SUM(op, plus, sum, x, u) op " " sum ", " x ", " u plus(sum) "\n\t"

#if ASCUA_DSP

/* Two channels of both tiles, in r12 and lr, by those of four filters: 44 bytes of code. */
#define WINOGRAD_WORDS(op, plus)                                                                   \
    "ldrd r12, lr, [r0], #8\n\t"                                                                   \
    "ldm.w r1!, {r2, r3}\n\t"                                                                      \
    WINOGRAD_SUM(op, plus, "r4", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r5", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r6", "r12", "r3")                                                      \
    WINOGRAD_SUM(op, plus, "r7", "lr", "r3")                                                       \
    "ldm.w r1!, {r2, r3}\n\t"                                                                      \
    WINOGRAD_SUM(op, plus, "r8", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r9", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r10", "r12", "r3")                                                     \
    WINOGRAD_SUM(op, plus, "r11", "lr", "r3")

#define WINOGRAD_FIRST WINOGRAD_WORDS("smuad", WINOGRAD_NEW)
#define WINOGRAD_NEXT WINOGRAD_WORDS("smlad", WINOGRAD_MORE)
#define WINOGRAD_CODE 44

#else

/* One channel of both tiles, in r12 and lr, by that of four filters. The other channel of the same
   words comes next, then that of the next words. */
#define WINOGRAD_HALF(op, plus, x, u)                                                              \
    "ldrsh.w r12, [r0], #4\n\t"                                                                    \
    "ldrsh.w lr, [r0], #" x "\n\t"                                                                 \
    "ldrsh.w r2, [r1], #4\n\t"                                                                     \
    "ldrsh.w r3, [r1], #4\n\t"                                                                     \
    WINOGRAD_SUM(op, plus, "r4", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r5", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r6", "r12", "r3")                                                      \
    WINOGRAD_SUM(op, plus, "r7", "lr", "r3")                                                       \
    "ldrsh.w r2, [r1], #4\n\t"                                                                     \
    "ldrsh.w r3, [r1], #" u "\n\t"                                                                 \
    WINOGRAD_SUM(op, plus, "r8", "r12", "r2")                                                      \
    WINOGRAD_SUM(op, plus, "r9", "lr", "r2")                                                       \
    WINOGRAD_SUM(op, plus, "r10", "r12", "r3")                                                     \
    WINOGRAD_SUM(op, plus, "r11", "lr", "r3")

/* Both: 112 bytes of code. */
#define WINOGRAD_WORDS(op, plus)                                                                   \
    WINOGRAD_HALF(op, plus, "-2", "-10")                                                           \
    WINOGRAD_HALF("mla", WINOGRAD_MORE, "2", "2")

#define WINOGRAD_FIRST WINOGRAD_WORDS("mul", WINOGRAD_NEW)
#define WINOGRAD_NEXT WINOGRAD_WORDS("mla", WINOGRAD_MORE)
#define WINOGRAD_CODE 112

#endif

/* sums[36][4 channels][2 tiles] of v[36][words][2] and u[36][words][4]. The loop of eight words is
   entered where the rest begins; it needs all registers. Of r7 the compiler must not know: it may
   be the frame's pointer. */
SHARED void winograd_products(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words) {
    register const pair_t *r0 __asm__("r0") = v;
    register const pair_t *r1 __asm__("r1") = u;
    register pair_t *r2 __asm__("r2") = sums;
    register const pair_t *r3 __asm__("r3") = v + 2 * words; /* the end of a position */
    register int32_t r4 __asm__("r4") = 8 * words;
    register pair_t *r5 __asm__("r5") = sums + 36 * WINOGRAD_SUMS;
    register int32_t r6 __asm__("r6") = WINOGRAD_CODE * (-(words - 1) & 7);
    __asm__ volatile(
        "push {r2, r3, r4, r5, r6, r7}\n"
        "0:\n\t"
        WINOGRAD_FIRST
        "ldr r2, [sp, #16]\n\t"
        "add pc, r2\n\t"
        "nop\n"
        "1:\n\t"
        WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT
        WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT WINOGRAD_NEXT
        "ldr r12, [sp, #4]\n\t"
        "cmp r0, r12\n\t"
        "bne 1b\n\t"
        "ldr r2, [sp]\n\t"
        "ldr r3, [sp, #8]\n\t"
        "ldr r12, [sp, #12]\n\t"
        "stm r2!, {r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        "add r3, r3, r0\n\t"
        "strd r2, r3, [sp]\n\t"
        "cmp r2, r12\n\t"
        "bne 0b\n\t"
        "pop {r2, r3, r4, r5, r6, r7}"
        : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6)
        :
        : "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

/* clang-format on */
#else

/* sums[36][4 channels][2 tiles] of v[36][words][2] and u[36][words][4]. */
SHARED void winograd_products(const pair_t *v, const pair_t *u, pair_t *sums, int32_t words) {
    for (int32_t position = 0; position < 36; position++) {
        for (int32_t lane = 0; lane < WINOGRAD_SUMS; lane++) {
            const pair_t *x = v + (lane & 1);
            const pair_t *w = u + (lane >> 1);
            uint32_t sum = 0;
            for (int32_t n = words; n > 0; n--) {
                sum = smlad(*x, *w, sum);
                x += 2;
                w += 4;
            }
            *sums++ = sum;
        }
        v += 2 * words;
        u += 4 * words;
    }
    KEEP_ORDER();
}

#endif

/* A' times six sums of a column, to the second of which `bias` is added, in the place of the first
   four. */
KERNEL void winograd_column(pair_t *sums, uint32_t bias) {
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
KERNEL int8_t winograd_value(uint32_t sum, int32_t bits, const rescale_dsp_t *r) {
    uint32_t ninth = WINOGRAD_NINTH;
    /* A constant in a register: GCC would make shifts and sums of it. */
    __asm__("" : "+r"(ninth));
    const int32_t twice = (int32_t)(sum * ninth) >> bits;
    return requantize_twice((uint32_t)twice, *r, -128, 127);
}

/* A' times six sums of a row, 2^bits too large, as y[4], `next` bytes apart. */
KERNEL void winograd_row(const pair_t *sums, int32_t bits, const rescale_dsp_t *r, int8_t *y,
                         int32_t next) {
    const int32_t column = 6 * WINOGRAD_SUMS;
    const uint32_t m1 = sums[column], m2 = sums[2 * column], m3 = sums[3 * column],
                   m4 = sums[4 * column];
    const uint32_t s = m1 + m2, s2 = m3 + m4, d2 = m3 - m4;
    uint32_t d = m1 - m2;
    WINOGRAD_ONE(d);
    y[0] = winograd_value(s2 + 2 * (sums[0] - 2 * s), bits + 2, r);
    KEEP_ORDER();
    y[2 * next] = winograd_value(s2 - s, bits, r);
    KEEP_ORDER();
    y[next] = winograd_value(d2 - 2 * d, bits + 1, r);
    KEEP_ORDER();
    y[3 * next] = winograd_value(2 * (d2 + sums[5 * column]) - d, bits, r);
    KEEP_ORDER();
}

/* Where outputs lie: bytes from one to the next. */
typedef struct {
    int32_t row, column, tile;
} winograd_steps_t;

/* y[tiles][4][4][4 channels] of sums[36][4 channels][2 tiles], which are used up, and requant[4],
   whose bias is 36 times what it is and whose shift is to the right, 1 to 23 bits. */
SHARED void winograd_outputs(pair_t *sums, const requant_t *q, int32_t zero, int32_t tiles,
                             int8_t *y, const winograd_steps_t *steps) {
    for (int32_t channel = 0; channel < 4; channel++) {
        const rescale_dsp_t r = rescale_dsp(q->multiplier, -q->shift, zero);
        pair_t *m = sums;
        int8_t *to = y;
        for (int32_t tile = 0; tile < tiles; tile++) {
            /* The second position of both ways reaches every output alike. */
            winograd_column(m, 0);
            winograd_column(m + 6 * WINOGRAD_SUMS, (uint32_t)q->bias);
            winograd_column(m + 12 * WINOGRAD_SUMS, 0);
            winograd_column(m + 18 * WINOGRAD_SUMS, 0);
            winograd_column(m + 24 * WINOGRAD_SUMS, 0);
            winograd_column(m + 30 * WINOGRAD_SUMS, 0);
            winograd_row(m, 3, &r, to, steps->column);
            winograd_row(m + WINOGRAD_SUMS, 2, &r, to + steps->row, steps->column);
            winograd_row(m + 2 * WINOGRAD_SUMS, 1, &r, to + 2 * steps->row, steps->column);
            winograd_row(m + 3 * WINOGRAD_SUMS, 1, &r, to + 3 * steps->row, steps->column);
            m++;
            to += steps->tile;
        }
        sums += 2;
        q++;
        y++;
    }
    KEEP_ORDER();
}

#if ASCUA_DSP

/* The sums, or differences, of both halfwords. */
KERNEL uint32_t winograd_add(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("sadd16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

KERNEL uint32_t winograd_subtract(uint32_t a, uint32_t b) {
    uint32_t r;
    __asm__("ssub16 %0, %1, %2" : "=r"(r) : "r"(a), "r"(b));
    return r;
}

/* Two channels of four weights: bytes 0 and 2, or where `odd` 1 and 3. */
KERNEL uint32_t winograd_weight(uint32_t word, int32_t odd) {
    return odd ? sxtb16_odd(word) : sxtb16(word);
}

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

/* A pair of int16. */
KERNEL uint32_t winograd_repaid(uint32_t pair) {
    return pair;
}

#else

/* Two channels of four weights, lower + 2^16 * upper: bytes 0 and 2, or where `odd` 1 and 3. */
KERNEL uint32_t winograd_weight(uint32_t word, int32_t odd) {
    word ^= 0x80808080u;
    return ((odd ? word >> 8 : word) & WINOGRAD_EVEN) - 0x00800080u;
}

/* G times three values of two channels. */
KERNEL winograd_six_t winograd_three(uint32_t g0, uint32_t g1, uint32_t g2) {
    const uint32_t near = g0 + g2, far = g0 + 4 * g2;
    const winograd_six_t to = {g0 + 2 * g0,  near + g1,    near - g1,
                               far + 2 * g1, far - 2 * g1, g2 + 2 * g2};
    return to;
}

/* A pair of int16: without what a lower half below 0 has borrowed of the upper one. */
KERNEL uint32_t winograd_repaid(uint32_t pair) {
    return pair + ((pair & 0x8000u) << 1);
}

#endif

/* u[6 columns][6 rows], `next` words apart, of two channels of g[3][3]. */
KERNEL void winograd_filter(const pair_t *g, int32_t odd, pair_t *u, int32_t next) {
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

/* u[36][words][4 channels] of int8 filters, four by four channels of w[words / 2][4][3][3][4];
   answers the end of w. */
SHARED const pair_t *winograd_filters(const pair_t *w, int32_t words, pair_t *u) {
    const int32_t next = 4 * words;
    for (int32_t k = 0; k < words; k += 2) {
        for (int32_t channel = 0; channel < 4; channel++) {
            winograd_filter(w, 0, u, next);
            winograd_filter(w, 1, u + 4, next);
            w += 9;
            u++;
        }
        u += 4;
    }
    KEEP_ORDER();
    return w;
}

typedef struct {
    int32_t ow, oc, ic;
    int32_t tiles;    /* rows of tiles that a call makes at most */
    int32_t together; /* pairs of tiles whose images are held, and by which filters go in turn */
    int32_t zero, low, high;
} winograd_t;

/* What makes y[h][w][channels] of a pair of tiles, which may be cut: beyond the image, or in the
   last of four channels. */
KERNEL void winograd_pair(const winograd_t *p, pair_t *sums, const requant_t *q, int32_t h,
                          int32_t w, int32_t channels, int8_t *y) {
    const int32_t tiles = w > 4 ? 2 : 1;
    if (h == 4 && (w & 3) == 0 && channels == 4) {
        const winograd_steps_t steps = {p->ow * p->oc, p->oc, 4 * p->oc};
        winograd_outputs(sums, q, p->zero, tiles, y, &steps);
        return;
    }
    static const winograd_steps_t steps = {32, 4, 16};
    int8_t whole[128];
    winograd_outputs(sums, q, p->zero, tiles, whole, &steps);
    for (int32_t i = 0; i < h; i++) {
        for (int32_t j = 0; j < w; j++) {
            for (int32_t c = 0; c < channels; c++) {
                y[(i * p->ow + j) * p->oc + c] = whole[32 * i + 4 * j + c];
            }
        }
    }
}

/* y[left][ow][oc], but at most 4 * tiles rows, from rows[4 * tiles + 2] of padded input. Filters
   are u[oc / 4][36][words][4], or where they are `late` int8, [oc / 4][words / 2][4][3][3][4], that
   are transformed in scratch: pair_t[together][36][words][2], sums[36][8] and perhaps
   [36][words][4]. The input is read up to three bytes beyond its last pixel. */
KERNEL void winograd_block(const winograd_t *p, int32_t late, const int8_t *const *rows,
                           const uint32_t *filters, const requant_t *requant, int8_t *y,
                           int32_t left, void *scratch) {
    const int32_t words = (p->ic + 3) / 4 * 2, image = 72 * words, pairs = (p->ow + 7) / 8;
    const int32_t h = left < 4 * p->tiles ? left : 4 * p->tiles, all = (h + 3) / 4 * pairs;
    pair_t *const v = scratch, *const sums = v + p->together * image;
    pair_t *const later = sums + 36 * WINOGRAD_SUMS;
    for (int32_t first = 0; first < all; first += p->together) {
        const int32_t n = all - first < p->together ? all - first : p->together;
        for (int32_t i = 0; i < n; i++) {
            const int32_t down = (first + i) / pairs, x = (first + i) % pairs * 8;
            for (int32_t tile = 0; tile < 2 && x + 4 * tile < p->ow; tile++) {
                winograd_image(rows + 4 * down, (x + 4 * tile) * p->ic, p->ic, words,
                               v + i * image + tile);
            }
        }
        const pair_t *next = filters;
        for (int32_t oc = 0; oc < p->oc; oc += 4) {
            const pair_t *u = next;
            if (late) {
                u = later;
                next = winograd_filters(next, words, later);
            } else {
                next += 2 * image;
            }
            for (int32_t i = 0; i < n; i++) {
                const int32_t down = (first + i) / pairs * 4, x = (first + i) % pairs * 8;
                winograd_products(v + i * image, u, sums, words);
                winograd_pair(p, sums, requant + oc, h - down < 4 ? h - down : 4,
                              p->ow - x < 8 ? p->ow - x : 8, p->oc - oc < 4 ? p->oc - oc : 4,
                              y + (down * p->ow + x) * p->oc + oc);
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
