/* Products of pixels with four channels, sixteen taps at a time. */
#ifndef ASCUA_DOTS_H
#define ASCUA_DOTS_H

#include "vectors.h"

/* A window's taps: runs of 16 * vectors adjacent bytes in `kh` rows, and the bytes from one run to
   the next. */
typedef struct {
    int32_t kh, runs, vectors, gap;
} taps_t;

/* Sums in parts, of a pixel with four channels; of Helium of two pixels with two. */
typedef struct {
#if ASCUA_NEON
    int32x4_t part[4];
#elif ASCUA_AVX2
    __m256i part[4];
#else
    uint32_t part[4];
#endif
} dots_t;

KERNEL dots_t dots_none(void) {
    dots_t s;
    for (int32_t i = 0; i < 4; i++) {
#if ASCUA_NEON
        s.part[i] = vdupq_n_s32(0);
#elif ASCUA_AVX2
        s.part[i] = _mm256_setzero_si256();
#else
        s.part[i] = 0;
#endif
    }
    return s;
}

#if ASCUA_HELIUM

/* Four of weights[n][4][16] by x[n][16]. */
KERNEL void dots_add(dots_t *s, const int8_t *x, const int8_t *w, int32_t n) {
    register uint32_t a __asm__("r4") = s->part[0];
    register uint32_t b __asm__("r6") = s->part[1];
    register uint32_t c __asm__("r8") = s->part[2];
    register uint32_t d __asm__("r10") = s->part[3];
    __asm__ volatile("dls lr, %[n]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[x]], #16\n\t"
                     "vldrb.8 q1, [%[w]], #64\n\t"
                     "vmladava.s8 %[a], q0, q1\n\t"
                     "vldrb.8 q2, [%[w], #-48]\n\t"
                     "vmladava.s8 %[b], q0, q2\n\t"
                     "vldrb.8 q1, [%[w], #-32]\n\t"
                     "vmladava.s8 %[c], q0, q1\n\t"
                     "vldrb.8 q2, [%[w], #-16]\n\t"
                     "vmladava.s8 %[d], q0, q2\n\t"
                     "le lr, 1b"
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x), [w] "+r"(w)
                     : [n] "r"(n)
                     : "q0", "q1", "q2", "lr", "memory");
    s->part[0] = a;
    s->part[1] = b;
    s->part[2] = c;
    s->part[3] = d;
}

/* Two of them by x[n][16] and y[n][16]: a load less for four products. */
KERNEL void dots_add_square(dots_t *s, const int8_t *x, const int8_t *y, const int8_t *w,
                            int32_t n) {
    register uint32_t a __asm__("r4") = s->part[0];
    register uint32_t b __asm__("r6") = s->part[1];
    register uint32_t c __asm__("r8") = s->part[2];
    register uint32_t d __asm__("r10") = s->part[3];
    __asm__ volatile("dls lr, %[n]\n"
                     "1:\n\t"
                     "vldrb.8 q0, [%[x]], #16\n\t"
                     "vldrb.8 q1, [%[w]], #64\n\t"
                     "vmladava.s8 %[a], q0, q1\n\t"
                     "vldrb.8 q2, [%[y]], #16\n\t"
                     "vmladava.s8 %[c], q2, q1\n\t"
                     "vldrb.8 q3, [%[w], #-48]\n\t"
                     "vmladava.s8 %[b], q0, q3\n\t"
                     "vmladava.s8 %[d], q2, q3\n\t"
                     "le lr, 1b"
                     : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x),
                       [y] "+r"(y), [w] "+r"(w)
                     : [n] "r"(n)
                     : "q0", "q1", "q2", "q3", "lr", "memory");
    s->part[0] = a;
    s->part[1] = b;
    s->part[2] = c;
    s->part[3] = d;
}

/* The sums of four channels. */
KERNEL fours_t dots_sum(const dots_t *s) {
    fours_t v = vdupq_n_s32(0);
    v = vsetq_lane_s32((int32_t)s->part[0], v, 0);
    v = vsetq_lane_s32((int32_t)s->part[1], v, 1);
    v = vsetq_lane_s32((int32_t)s->part[2], v, 2);
    return vsetq_lane_s32((int32_t)s->part[3], v, 3);
}

#else

/* Four of weights[n][4][16] by x[n][16]. */
KERNEL void dots_add(dots_t *s, const int8_t *x, const int8_t *w, int32_t n) {
    for (; n > 0; n--) {
#if ASCUA_NEON
        const int8x16_t v = vld1q_s8(x);
        for (int32_t i = 0; i < 4; i++) {
            const int8x16_t u = vld1q_s8(w + 16 * i);
            int16x8_t two = vmull_s8(vget_low_s8(v), vget_low_s8(u));
            two = vmlal_s8(two, vget_high_s8(v), vget_high_s8(u));
            s->part[i] = vpadalq_s16(s->part[i], two);
        }
#elif ASCUA_AVX2
        const __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
        for (int32_t i = 0; i < 4; i++) {
            const void *from = w + 16 * i;
            const __m256i u = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
            s->part[i] = _mm256_add_epi32(s->part[i], _mm256_madd_epi16(v, u));
        }
#else
        for (int32_t i = 0; i < 4; i++) {
            for (int32_t k = 0; k < 16; k++) {
                s->part[i] += (uint32_t)(x[k] * w[16 * i + k]);
            }
        }
#endif
        x += 16;
        w += 64;
    }
}

/* The sums of four channels. */
KERNEL fours_t dots_sum(const dots_t *s) {
#if ASCUA_NEON
    int32x2_t half[4];
    for (int32_t i = 0; i < 4; i++) {
        half[i] = vadd_s32(vget_low_s32(s->part[i]), vget_high_s32(s->part[i]));
    }
    return vcombine_s32(vpadd_s32(half[0], half[1]), vpadd_s32(half[2], half[3]));
#elif ASCUA_AVX2
    const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(s->part[0], s->part[1]),
                                        _mm256_hadd_epi32(s->part[2], s->part[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
#else
    fours_t v;
    for (int32_t i = 0; i < 4; i++) {
        v.lane[i] = (int32_t)s->part[i];
    }
    return v;
#endif
}

#endif

/* The sums of four channels, weights[kh][runs][vectors][4][16], for a window that begins `at` bytes
   into each row. */
KERNEL fours_t dots_one(const taps_t *t, const int8_t *const *rows, int32_t at, const int8_t *w) {
    dots_t s = dots_none();
    for (int32_t ky = 0; ky < t->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < t->runs; i++) {
            dots_add(&s, x, w, t->vectors);
            x += t->gap;
            w += 64 * t->vectors;
        }
    }
    return dots_sum(&s);
}

/* The same of two windows, the other `step` bytes further. */
KERNEL void dots_two(const taps_t *t, const int8_t *const *rows, int32_t at, int32_t step,
                     const int8_t *w, fours_t *first, fours_t *second) {
#if ASCUA_HELIUM
    fours_t a = vdupq_n_s32(0), b = a;
#pragma GCC unroll 2
    for (int32_t half = 0; half < 2; half++) {
        const int8_t *u = w + 32 * half;
        dots_t s = dots_none();
        for (int32_t ky = 0; ky < t->kh; ky++) {
            const int8_t *x = rows[ky] + at;
            for (int32_t i = 0; i < t->runs; i++) {
                dots_add_square(&s, x, x + step, u, t->vectors);
                x += t->gap;
                u += 64 * t->vectors;
            }
        }
        if (half == 0) {
            a = vsetq_lane_s32((int32_t)s.part[0], a, 0);
            a = vsetq_lane_s32((int32_t)s.part[1], a, 1);
            b = vsetq_lane_s32((int32_t)s.part[2], b, 0);
            b = vsetq_lane_s32((int32_t)s.part[3], b, 1);
        } else {
            a = vsetq_lane_s32((int32_t)s.part[0], a, 2);
            a = vsetq_lane_s32((int32_t)s.part[1], a, 3);
            b = vsetq_lane_s32((int32_t)s.part[2], b, 2);
            b = vsetq_lane_s32((int32_t)s.part[3], b, 3);
        }
    }
    *first = a;
    *second = b;
#else
    dots_t s = dots_none(), r = dots_none();
    for (int32_t ky = 0; ky < t->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < t->runs; i++) {
            for (int32_t n = 0; n < t->vectors; n++) {
                dots_add(&s, x + 16 * n, w, 1);
                dots_add(&r, x + step + 16 * n, w, 1);
                w += 64;
            }
            x += t->gap;
        }
    }
    *first = dots_sum(&s);
    *second = dots_sum(&r);
#endif
}

/* y[oc] of the window in rows; of two windows, if there are two, that of the other one behind it. */
KERNEL void dots_channels(const taps_t *t, const int8_t *const *rows, int32_t at, int32_t two,
                          int32_t step, const int8_t *w, int32_t oc, const rescale_t *r,
                          int8_t *y) {
    const int32_t each = 64 * t->kh * t->runs * t->vectors;
    for (int32_t c = 0; c < oc; c += 4) {
        const int32_t n = oc - c < 4 ? oc - c : 4;
        if (two) {
            fours_t first, second;
            dots_two(t, rows, at, step, w, &first, &second);
            fours_store(y + c, fours_rescale(first, r, c), n);
            fours_store(y + oc + c, fours_rescale(second, r, c), n);
        } else {
            fours_store(y + c, fours_rescale(dots_one(t, rows, at, w), r, c), n);
        }
        w += each;
    }
}

#endif
