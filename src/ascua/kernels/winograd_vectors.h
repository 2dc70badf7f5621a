/* F(4x4, 3x3) of Winograd in integers by vectors: two tiles by four channels at a time.

   The arithmetic is that of winograd_4x4.h, with inputs as they are, and biases that are added at
   the end. */
#ifndef ASCUA_WINOGRAD_VECTORS_H
#define ASCUA_WINOGRAD_VECTORS_H

#include "copy.h"
#include "dots.h"

typedef struct {
    int32_t ow, oc, ic;
    int32_t tiles;    /* rows of tiles that a call makes at most */
    int32_t together; /* pairs of tiles whose images are held, and by which filters go in turn */
    int32_t vectors;  /* of the channels of a pixel */
    int32_t zero, low, high;
} winograd_vectors_t;

/* Eight int16, of eight channels. */
#if ASCUA_HELIUM || ASCUA_NEON
typedef int16x8_t eights_t;
#elif ASCUA_AVX2
typedef __m128i eights_t;
#else
typedef struct {
    int16_t lane[8];
} eights_t;
#endif

KERNEL eights_t eights_bytes(const int8_t *p) {
#if ASCUA_HELIUM
    return vldrbq_s16(p);
#elif ASCUA_NEON
    return vmovl_s8(vld1_s8(p));
#elif ASCUA_AVX2
    return _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)p));
#else
    eights_t v;
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] = p[i];
    }
    return v;
#endif
}

KERNEL eights_t eights_load(const s16_t *p) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vld1q_s16((const int16_t *)p);
#elif ASCUA_AVX2
    return _mm_loadu_si128((const __m128i *)(const void *)p);
#else
    eights_t v;
    memcpy(&v, p, 16);
    return v;
#endif
}

KERNEL void eights_store(s16_t *p, eights_t v) {
#if ASCUA_HELIUM || ASCUA_NEON
    vst1q_s16((int16_t *)p, v);
#elif ASCUA_AVX2
    _mm_storeu_si128((__m128i *)(void *)p, v);
#else
    memcpy(p, &v, 16);
#endif
}

KERNEL eights_t eights_add(eights_t a, eights_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vaddq_s16(a, b);
#elif ASCUA_AVX2
    return _mm_add_epi16(a, b);
#else
    for (int32_t i = 0; i < 8; i++) {
        a.lane[i] = (int16_t)(a.lane[i] + b.lane[i]);
    }
    return a;
#endif
}

KERNEL eights_t eights_subtract(eights_t a, eights_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vsubq_s16(a, b);
#elif ASCUA_AVX2
    return _mm_sub_epi16(a, b);
#else
    for (int32_t i = 0; i < 8; i++) {
        a.lane[i] = (int16_t)(a.lane[i] - b.lane[i]);
    }
    return a;
#endif
}

/* Four times v. */
KERNEL eights_t eights_four(eights_t v) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vshlq_n_s16(v, 2);
#elif ASCUA_AVX2
    return _mm_slli_epi16(v, 2);
#else
    for (int32_t i = 0; i < 8; i++) {
        v.lane[i] = (int16_t)(v.lane[i] * 4);
    }
    return v;
#endif
}

KERNEL void fours_keep(s32_t *p, fours_t v) {
#if ASCUA_HELIUM || ASCUA_NEON
    vst1q_s32((int32_t *)p, v);
#elif ASCUA_AVX2
    _mm_storeu_si128((__m128i *)(void *)p, v);
#else
    memcpy(p, &v, 16);
#endif
}

/* a - b mod 2^32. */
KERNEL fours_t fours_subtract(fours_t a, fours_t b) {
#if ASCUA_HELIUM || ASCUA_NEON
    return vsubq_s32(a, b);
#elif ASCUA_AVX2
    return _mm_sub_epi32(a, b);
#else
    for (int32_t i = 0; i < 4; i++) {
        a.lane[i] = (int32_t)((uint32_t)a.lane[i] - (uint32_t)b.lane[i]);
    }
    return a;
#endif
}

/* A ninth of v, shifted to the right: 2^bits * 9 times a number becomes this number. */
KERNEL fours_t fours_ninth(fours_t v, int32_t bits) {
    const uint32_t ninth = 0x38e38e39u; /* 9 times this is 1, mod 2^32 */
#if ASCUA_HELIUM
    return vshlq_r_s32(vmulq_n_s32(v, (int32_t)ninth), -bits);
#elif ASCUA_NEON
    return vshlq_s32(vmulq_n_s32(v, (int32_t)ninth), vdupq_n_s32(-bits));
#elif ASCUA_AVX2
    return _mm_srai_epi32(_mm_mullo_epi32(v, _mm_set1_epi32((int32_t)ninth)), bits);
#else
    for (int32_t i = 0; i < 4; i++) {
        v.lane[i] = (int32_t)((uint32_t)v.lane[i] * ninth) >> bits;
    }
    return v;
#endif
}

typedef struct {
    eights_t v0, v1, v2, v3, v4, v5;
} eights_six_t;

/* B' times six values of eight channels. */
KERNEL eights_six_t winograd_vectors_six(eights_six_t d) {
    const eights_t near = eights_subtract(d.v4, d.v2), far = eights_subtract(d.v3, d.v1);
    const eights_t outer = eights_subtract(d.v4, eights_four(d.v2));
    const eights_t inner = eights_subtract(d.v3, eights_four(d.v1));
    const eights_t twice = eights_add(far, far);
    const eights_six_t to = {
        eights_add(near, eights_four(eights_subtract(d.v0, d.v2))),
        eights_add(outer, inner),
        eights_subtract(outer, inner),
        eights_add(near, twice),
        eights_subtract(near, twice),
        eights_subtract(eights_subtract(d.v5, d.v3), eights_four(far)),
    };
    return to;
}

/* v[6 columns][6 rows][2 tiles][8 * vectors] of one tile, whose window begins `at` bytes into each
   of rows[6]; ic bytes lie between its pixels. */
SHARED void winograd_vectors_image(const int8_t *const *rows, int32_t at, int32_t ic,
                                   int32_t vectors, s16_t *v) {
    const int32_t next = 16 * vectors;
    for (int32_t k = 0; k < vectors; k++) {
        s16_t between[36 * 8]; /* [6 columns][6 rows] */
        for (int32_t i = 0; i < 6; i++) {
            const int8_t *x = rows[i] + at;
            const eights_six_t d = {eights_bytes(x),          eights_bytes(x + ic),
                                    eights_bytes(x + 2 * ic), eights_bytes(x + 3 * ic),
                                    eights_bytes(x + 4 * ic), eights_bytes(x + 5 * ic)};
            const eights_six_t to = winograd_vectors_six(d);
            s16_t *const row = between + 8 * i;
            eights_store(row, to.v0);
            eights_store(row + 48, to.v1);
            eights_store(row + 96, to.v2);
            eights_store(row + 144, to.v3);
            eights_store(row + 192, to.v4);
            eights_store(row + 240, to.v5);
        }
        s16_t *to = v;
        for (int32_t j = 0; j < 6; j++) {
            const s16_t *column = between + 48 * j;
            const eights_six_t d = {eights_load(column),      eights_load(column + 8),
                                    eights_load(column + 16), eights_load(column + 24),
                                    eights_load(column + 32), eights_load(column + 40)};
            const eights_six_t six = winograd_vectors_six(d);
            eights_store(to, six.v0);
            eights_store(to + next, six.v1);
            eights_store(to + 2 * next, six.v2);
            eights_store(to + 3 * next, six.v3);
            eights_store(to + 4 * next, six.v4);
            eights_store(to + 5 * next, six.v5);
            to += 6 * next;
        }
        v += 8;
        at += 8;
    }
    KEEP_ORDER();
}

#if ASCUA_HELIUM

/* Two sums of each of two tiles: those of two channels, u[n][2][8], by v[2 tiles][n][8]. */
KERNEL const s16_t *winograd_vectors_square(const s16_t *v, const s16_t *u, int32_t n,
                                            s32_t *sums) {
    const s16_t *x = v, *y = v + 8 * n;
    __asm__ volatile("movs r4, #0\n\t"
                     "movs r6, #0\n\t"
                     "mov r8, r4\n\t"
                     "mov r10, r4\n\t"
                     "dls lr, %[n]\n"
                     "1:\n\t"
                     "vldrh.16 q0, [%[x]], #16\n\t"
                     "vldrh.16 q1, [%[u]], #32\n\t"
                     "vmladava.s16 r4, q0, q1\n\t"
                     "vldrh.16 q2, [%[y]], #16\n\t"
                     "vmladava.s16 r8, q2, q1\n\t"
                     "vldrh.16 q3, [%[u], #-16]\n\t"
                     "vmladava.s16 r6, q0, q3\n\t"
                     "vmladava.s16 r10, q2, q3\n\t"
                     "le lr, 1b\n\t"
                     "strd r4, r6, [%[m]]\n\t"
                     "strd r8, r10, [%[m], #16]"
                     : [x] "+r"(x), [y] "+r"(y), [u] "+r"(u)
                     : [n] "r"(n), [m] "r"(sums)
                     : "r4", "r6", "r8", "r10", "q0", "q1", "q2", "q3", "lr", "cc", "memory");
    return u;
}

#else

/* Adds eight products of int16. */
KERNEL part_t part_add_s16(part_t sum, const s16_t *x, const s16_t *w) {
#if ASCUA_NEON
    const int16x8_t v = vld1q_s16((const int16_t *)x), u = vld1q_s16((const int16_t *)w);
    sum = vmlal_s16(sum, vget_low_s16(v), vget_low_s16(u));
    return vmlal_s16(sum, vget_high_s16(v), vget_high_s16(u));
#elif ASCUA_AVX2
    const void *from = x, *by = w;
    const __m128i two = _mm_madd_epi16(_mm_loadu_si128((const __m128i *)from),
                                       _mm_loadu_si128((const __m128i *)by));
    return _mm256_add_epi32(sum, _mm256_zextsi128_si256(two));
#else
    for (int32_t k = 0; k < 8; k++) {
        sum += (uint32_t)(x[k] * w[k]);
    }
    return sum;
#endif
}

#endif

/* sums[36][2 tiles][4 channels] of v[36][2][8 * vectors] and u[36][2][vectors][2][8]; answers the
   end of u. */
SHARED const s16_t *winograd_vectors_products(const s16_t *v, const s16_t *u, int32_t vectors,
                                              s32_t *sums) {
    for (int32_t position = 0; position < 36; position++) {
#if ASCUA_HELIUM
        u = winograd_vectors_square(v, u, vectors, sums);
        u = winograd_vectors_square(v, u, vectors, sums + 2);
#else
        const s16_t *x = v, *y = v + 8 * vectors, *w = u, *more = u + 16 * vectors;
        dots_t s = dots_none(), r = dots_none();
        int32_t n = vectors;
#if ASCUA_NEON && defined(__arm__)
        __asm__ volatile("1:\n\t"
                         "vld1.16 {d0-d1}, [%[x]]!\n\t"
                         "vld1.16 {d4-d7}, [%[w]]!\n\t"
                         "vld1.16 {d2-d3}, [%[y]]!\n\t"
                         "subs %[n], %[n], #1\n\t"
                         "vmlal.s16 %q[a], d0, d4\n\t"
                         "vmlal.s16 %q[b], d0, d6\n\t"
                         "vmlal.s16 %q[e], d2, d4\n\t"
                         "vmlal.s16 %q[f], d2, d6\n\t"
                         "vld1.16 {d8-d11}, [%[more]]!\n\t"
                         "vmlal.s16 %q[a], d1, d5\n\t"
                         "vmlal.s16 %q[b], d1, d7\n\t"
                         "vmlal.s16 %q[e], d3, d5\n\t"
                         "vmlal.s16 %q[f], d3, d7\n\t"
                         "vmlal.s16 %q[c], d0, d8\n\t"
                         "vmlal.s16 %q[d], d0, d10\n\t"
                         "vmlal.s16 %q[g], d2, d8\n\t"
                         "vmlal.s16 %q[h], d2, d10\n\t"
                         "vmlal.s16 %q[c], d1, d9\n\t"
                         "vmlal.s16 %q[d], d1, d11\n\t"
                         "vmlal.s16 %q[g], d3, d9\n\t"
                         "vmlal.s16 %q[h], d3, d11\n\t"
                         "bgt 1b"
                         : [a] "+w"(s.a), [b] "+w"(s.b), [c] "+w"(s.c), [d] "+w"(s.d),
                           [e] "+w"(r.a), [f] "+w"(r.b), [g] "+w"(r.c), [h] "+w"(r.d), [x] "+r"(x),
                           [y] "+r"(y), [w] "+r"(w), [more] "+r"(more), [n] "+r"(n)
                         :
                         : "q0", "q1", "q2", "q3", "q4", "q5", "cc", "memory");
#else
        for (; n > 0; n--) {
            s.a = part_add_s16(s.a, x, w);
            s.b = part_add_s16(s.b, x, w + 8);
            s.c = part_add_s16(s.c, x, more);
            s.d = part_add_s16(s.d, x, more + 8);
            r.a = part_add_s16(r.a, y, w);
            r.b = part_add_s16(r.b, y, w + 8);
            r.c = part_add_s16(r.c, y, more);
            r.d = part_add_s16(r.d, y, more + 8);
            x += 8;
            y += 8;
            w += 16;
            more += 16;
        }
#endif
        fours_keep(sums, dots_sum(&s));
        fours_keep(sums + 4, dots_sum(&r));
        u += 32 * vectors;
#endif
        sums += 8;
        v += 16 * vectors;
    }
    KEEP_ORDER();
    return u;
}

typedef struct {
    fours_t v0, v1, v2, v3;
} fours_four_t;

/* A' times six sums, `next` apart. */
KERNEL fours_four_t winograd_vectors_four(const s32_t *m, int32_t next) {
    const fours_t m0 = fours_load(m), m1 = fours_load(m + next), m2 = fours_load(m + 2 * next);
    const fours_t s = fours_add(m1, m2), d = fours_subtract(m1, m2);
    const fours_t m3 = fours_load(m + 3 * next), m4 = fours_load(m + 4 * next);
    const fours_t s2 = fours_add(m3, m4), d2 = fours_subtract(m3, m4);
    const fours_t first = fours_subtract(m0, fours_add(s, s));
    const fours_t last = fours_add(d2, fours_load(m + 5 * next));
    const fours_four_t to = {
        fours_add(s2, fours_add(first, first)),
        fours_subtract(d2, fours_add(d, d)),
        fours_subtract(s2, s),
        fours_subtract(fours_add(last, last), d),
    };
    return to;
}

/* Bytes from a row of outputs to the next, and from a column. */
typedef struct {
    int32_t row, column;
} winograd_vectors_steps_t;

/* Four outputs of sums that are 2^bits * 9 too large. */
KERNEL void winograd_vectors_value(fours_t v, int32_t bits, const rescale_fours_t *q, int32_t zero,
                                   int8_t *y) {
    v = fours_add(fours_ninth(v, bits), q->bias);
    fours_store(y, fours_requantize(v, q, zero, -128, 127), 4);
}

/* y[4][4] of four channels of a tile, of sums[36], 8 apart, which are used up. */
SHARED void winograd_vectors_tile(s32_t *sums, const rescale_t *r, int32_t c, int8_t *y,
                                  const winograd_vectors_steps_t *steps) {
    for (int32_t j = 0; j < 6; j++) {
        s32_t *const m = sums + 48 * j;
        const fours_four_t to = winograd_vectors_four(m, 8);
        fours_keep(m, to.v0);
        fours_keep(m + 8, to.v1);
        fours_keep(m + 16, to.v2);
        fours_keep(m + 24, to.v3);
    }
    const rescale_fours_t q = rescale_fours(r, c);
    const int32_t zero = r->zero, row = steps->row, column = steps->column;
    for (int32_t i = 0; i < 4; i++) {
        const int32_t bits = i < 2 ? 3 - i : 1;
        const fours_four_t to = winograd_vectors_four(sums, 48);
        winograd_vectors_value(to.v0, bits + 3, &q, zero, y);
        winograd_vectors_value(to.v1, bits + 2, &q, zero, y + column);
        winograd_vectors_value(to.v2, bits + 1, &q, zero, y + 2 * column);
        winograd_vectors_value(to.v3, bits + 1, &q, zero, y + 3 * column);
        sums += 8;
        y += row;
        KEEP_ORDER();
    }
    KEEP_ORDER();
}

/* y[h][w][n channels] of a tile: what is cut goes through memory. */
KERNEL void winograd_vectors_cut(s32_t *sums, const rescale_t *r, int32_t c, int32_t h, int32_t w,
                                 int32_t n, int8_t *y, const winograd_vectors_steps_t *steps) {
    if (h >= 4 && w >= 4 && n >= 4) {
        winograd_vectors_tile(sums, r, c, y, steps);
        return;
    }
    const winograd_vectors_steps_t whole = {16, 4};
    int8_t tile[64];
    winograd_vectors_tile(sums, r, c, tile, &whole);
    for (int32_t i = 0; i < (h < 4 ? h : 4); i++) {
        for (int32_t j = 0; j < (w < 4 ? w : 4); j++) {
            copy_few(y + i * steps->row + j * steps->column, tile + 16 * i + 4 * j, n < 4 ? n : 4);
        }
    }
}

/* y[left][ow][oc], but at most `tiles` rows of tiles, from the rows of padded input under them.
   Filters are u[oc / 4][36][2][vectors][2][8], rescale[3][oc, filled up to fours]; scratch is
   v[together][36][2][8 * vectors] of int16 and sums[36][2][4] of int32. Of the input's last pixel
   in a row up to seven bytes behind it are read. */
KERNEL void winograd_vectors(const winograd_vectors_t *p, const int8_t *const *rows,
                             const int16_t *filters, const int32_t *rescale, int8_t *y,
                             int32_t left, void *scratch) {
    const int32_t channels = (p->oc + 3) / 4 * 4, image = 36 * 16 * p->vectors;
    const rescale_t r = {rescale, rescale + channels, rescale + 2 * channels, p->zero, p->low,
                         p->high};
    const winograd_vectors_steps_t steps = {p->ow * p->oc, p->oc};
    const int32_t h = left < 4 * p->tiles ? left : 4 * p->tiles;
    const int32_t pairs = (p->ow + 7) / 8, all = (h + 3) / 4 * pairs;
    s16_t *const v = scratch;
    s32_t *const sums = (s32_t *)(void *)(v + p->together * image);
    for (int32_t first = 0; first < all; first += p->together) {
        const int32_t n = all - first < p->together ? all - first : p->together;
        for (int32_t i = 0; i < n; i++) {
            const int32_t down = (first + i) / pairs, x = (first + i) % pairs * 8;
            for (int32_t tile = 0; tile < 2 && x + 4 * tile < p->ow; tile++) {
                winograd_vectors_image(rows + 4 * down, (x + 4 * tile) * p->ic, p->ic, p->vectors,
                                       v + i * image + 8 * p->vectors * tile);
            }
        }
        const s16_t *u = (const s16_t *)filters;
        for (int32_t c = 0; c < p->oc; c += 4) {
            const s16_t *next = u;
            for (int32_t i = 0; i < n; i++) {
                const int32_t down = (first + i) / pairs * 4, x = (first + i) % pairs * 8;
                int8_t *const to = y + (down * p->ow + x) * p->oc + c;
                next = winograd_vectors_products(v + i * image, u, p->vectors, sums);
                winograd_vectors_cut(sums, &r, c, h - down, p->ow - x, p->oc - c, to, &steps);
                if (p->ow - x > 4) {
                    winograd_vectors_cut(sums + 4, &r, c, h - down, p->ow - x - 4, p->oc - c,
                                         to + 4 * p->oc, &steps);
                }
            }
            u = next;
        }
    }
    if (p->low > -128 || p->high < 127) {
        for (int32_t i = 0; i < h * p->ow * p->oc; i++) {
            y[i] = clamp_s8(y[i], p->low, p->high);
        }
    }
}

#endif
