/* Products of pixels with four channels, sixteen taps at a time. */
#ifndef ASCUA_DOTS_H
#define ASCUA_DOTS_H

#include "vectors.h"

/* A window's taps: runs of 16 * vectors adjacent bytes in `kh` rows, and the bytes from one run to
   the next. */
typedef struct {
    int32_t kh, runs, vectors, gap;
} taps_t;

/* Sums in parts, of a pixel with four channels; of Helium also of two pixels with two. */
typedef struct {
#if ASCUA_NEON
    int32x4_t part[4];
#elif ASCUA_AVX2
    __m256i part[4];
#else
    uint32_t part[4];
#endif
} dots_t;

#if ASCUA_HELIUM

/* Begins with the biases of four channels. */
KERNEL dots_t dots_begin(const int32_t *bias) {
    const dots_t s = {{(uint32_t)bias[0], (uint32_t)bias[1], (uint32_t)bias[2], (uint32_t)bias[3]}};
    return s;
}

/* Adds the products of x[n][16] with weights[n][4][16]. */
KERNEL void dots_add(dots_t *s, const int8_t *x, const int8_t *w, int32_t n) {
    register uint32_t a __asm__("r4") = s->part[0];
    register uint32_t b __asm__("r6") = s->part[1];
    register uint32_t c __asm__("r8") = s->part[2];
    register uint32_t d __asm__("r10") = s->part[3];
    if (__builtin_constant_p(n) && n == 1) {
        __asm__ volatile("vldrb.8 q0, [%[x]]\n\t"
                         "vldrb.8 q1, [%[w]]\n\t"
                         "vmladava.s8 %[a], q0, q1\n\t"
                         "vldrb.8 q2, [%[w], #16]\n\t"
                         "vmladava.s8 %[b], q0, q2\n\t"
                         "vldrb.8 q1, [%[w], #32]\n\t"
                         "vmladava.s8 %[c], q0, q1\n\t"
                         "vldrb.8 q2, [%[w], #48]\n\t"
                         "vmladava.s8 %[d], q0, q2"
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d)
                         : [x] "r"(x), [w] "r"(w)
                         : "q0", "q1", "q2", "memory");
    } else {
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
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x),
                           [w] "+r"(w)
                         : [n] "r"(n)
                         : "q0", "q1", "q2", "lr", "memory");
    }
    s->part[0] = a;
    s->part[1] = b;
    s->part[2] = c;
    s->part[3] = d;
}

/* Adds those of x[n][16] and y[n][16] with the first and the third of four channels: a load less
   for four products. */
KERNEL void dots_add_square(dots_t *s, const int8_t *x, const int8_t *y, const int8_t *w,
                            int32_t n) {
    register uint32_t a __asm__("r4") = s->part[0];
    register uint32_t b __asm__("r6") = s->part[1];
    register uint32_t c __asm__("r8") = s->part[2];
    register uint32_t d __asm__("r10") = s->part[3];
    if (__builtin_constant_p(n) && n == 1) {
        __asm__ volatile("vldrb.8 q0, [%[x]]\n\t"
                         "vldrb.8 q1, [%[w]]\n\t"
                         "vmladava.s8 %[a], q0, q1\n\t"
                         "vldrb.8 q2, [%[y]]\n\t"
                         "vmladava.s8 %[c], q2, q1\n\t"
                         "vldrb.8 q3, [%[w], #32]\n\t"
                         "vmladava.s8 %[b], q0, q3\n\t"
                         "vmladava.s8 %[d], q2, q3"
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d)
                         : [x] "r"(x), [y] "r"(y), [w] "r"(w)
                         : "q0", "q1", "q2", "q3", "memory");
    } else {
        __asm__ volatile("dls lr, %[n]\n"
                         "1:\n\t"
                         "vldrb.8 q0, [%[x]], #16\n\t"
                         "vldrb.8 q1, [%[w]], #64\n\t"
                         "vmladava.s8 %[a], q0, q1\n\t"
                         "vldrb.8 q2, [%[y]], #16\n\t"
                         "vmladava.s8 %[c], q2, q1\n\t"
                         "vldrb.8 q3, [%[w], #-32]\n\t"
                         "vmladava.s8 %[b], q0, q3\n\t"
                         "vmladava.s8 %[d], q2, q3\n\t"
                         "le lr, 1b"
                         : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x),
                           [y] "+r"(y), [w] "+r"(w)
                         : [n] "r"(n)
                         : "q0", "q1", "q2", "q3", "lr", "memory");
    }
    s->part[0] = a;
    s->part[1] = b;
    s->part[2] = c;
    s->part[3] = d;
}

/* Two sums as lanes 0 and 2 of a vector, or lanes 1 and 3. */
KERNEL fours_t dots_even(fours_t v, uint32_t a, uint32_t b) {
    __asm__("vmov %q0[2], %q0[0], %1, %2" : "+w"(v) : "r"(a), "r"(b));
    return v;
}

KERNEL fours_t dots_odd(fours_t v, uint32_t a, uint32_t b) {
    __asm__("vmov %q0[3], %q0[1], %1, %2" : "+w"(v) : "r"(a), "r"(b));
    return v;
}

/* The sums of four channels. */
KERNEL fours_t dots_sum(const dots_t *s, const int32_t *bias) {
    (void)bias;
    const fours_t v = dots_even(vuninitializedq_s32(), s->part[0], s->part[2]);
    return dots_odd(v, s->part[1], s->part[3]);
}

#else

/* Begins without biases, which dots_sum adds. */
KERNEL dots_t dots_begin(const int32_t *bias) {
    dots_t s;
    for (int32_t i = 0; i < 4; i++) {
#if ASCUA_NEON
        s.part[i] = vdupq_n_s32(0);
#elif ASCUA_AVX2
        s.part[i] = _mm256_setzero_si256();
#else
        s.part[i] = (uint32_t)bias[i];
#endif
    }
    (void)bias;
    return s;
}

/* Adds the products of x[n][16] with weights[n][4][16]. */
KERNEL void dots_add(dots_t *s, const int8_t *x, const int8_t *w, int32_t n) {
#if ASCUA_NEON && defined(__arm__)
    __asm__ volatile("1:\n\t"
                     "vld1.8 {d0-d1}, [%[x]]!\n\t"
                     "vld1.8 {d4-d7}, [%[w]]!\n\t"
                     "subs %[n], %[n], #1\n\t"
                     "vmull.s8 q4, d0, d4\n\t"
                     "vmull.s8 q5, d0, d6\n\t"
                     "vmlal.s8 q4, d1, d5\n\t"
                     "vmlal.s8 q5, d1, d7\n\t"
                     "vld1.8 {d4-d7}, [%[w]]!\n\t"
                     "vpadal.s16 %q[a], q4\n\t"
                     "vpadal.s16 %q[b], q5\n\t"
                     "vmull.s8 q4, d0, d4\n\t"
                     "vmull.s8 q5, d0, d6\n\t"
                     "vmlal.s8 q4, d1, d5\n\t"
                     "vmlal.s8 q5, d1, d7\n\t"
                     "vpadal.s16 %q[c], q4\n\t"
                     "vpadal.s16 %q[d], q5\n\t"
                     "bgt 1b"
                     : [a] "+w"(s->part[0]), [b] "+w"(s->part[1]), [c] "+w"(s->part[2]),
                       [d] "+w"(s->part[3]), [x] "+r"(x), [w] "+r"(w), [n] "+r"(n)
                     :
                     : "q0", "q2", "q3", "q4", "q5", "cc", "memory");
#else
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
#endif
}

/* The same of another pixel, too. */
KERNEL void dots_add_two(dots_t *s, dots_t *other, const int8_t *x, const int8_t *y,
                         const int8_t *w, int32_t n) {
#if ASCUA_NEON && defined(__arm__)
    __asm__ volatile(
        "1:\n\t"
        "vld1.8 {d0-d1}, [%[x]]!\n\t"
        "vld1.8 {d4-d7}, [%[w]]!\n\t"
        "vld1.8 {d2-d3}, [%[y]]!\n\t"
        "subs %[n], %[n], #1\n\t"
        "vmull.s8 q4, d0, d4\n\t"
        "vmull.s8 q5, d0, d6\n\t"
        "vmull.s8 q6, d2, d4\n\t"
        "vmull.s8 q7, d2, d6\n\t"
        "vmlal.s8 q4, d1, d5\n\t"
        "vmlal.s8 q5, d1, d7\n\t"
        "vmlal.s8 q6, d3, d5\n\t"
        "vmlal.s8 q7, d3, d7\n\t"
        "vld1.8 {d4-d7}, [%[w]]!\n\t"
        "vpadal.s16 %q[a], q4\n\t"
        "vpadal.s16 %q[b], q5\n\t"
        "vpadal.s16 %q[e], q6\n\t"
        "vpadal.s16 %q[f], q7\n\t"
        "vmull.s8 q4, d0, d4\n\t"
        "vmull.s8 q5, d0, d6\n\t"
        "vmull.s8 q6, d2, d4\n\t"
        "vmull.s8 q7, d2, d6\n\t"
        "vmlal.s8 q4, d1, d5\n\t"
        "vmlal.s8 q5, d1, d7\n\t"
        "vmlal.s8 q6, d3, d5\n\t"
        "vmlal.s8 q7, d3, d7\n\t"
        "vpadal.s16 %q[c], q4\n\t"
        "vpadal.s16 %q[d], q5\n\t"
        "vpadal.s16 %q[g], q6\n\t"
        "vpadal.s16 %q[h], q7\n\t"
        "bgt 1b"
        : [a] "+w"(s->part[0]), [b] "+w"(s->part[1]), [c] "+w"(s->part[2]),
          [d] "+w"(s->part[3]), [e] "+w"(other->part[0]), [f] "+w"(other->part[1]),
          [g] "+w"(other->part[2]), [h] "+w"(other->part[3]), [x] "+r"(x), [y] "+r"(y),
          [w] "+r"(w), [n] "+r"(n)
        :
        : "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "cc", "memory");
#else
    for (int32_t i = 0; i < n; i++) {
        dots_add(s, x + 16 * i, w + 64 * i, 1);
        dots_add(other, y + 16 * i, w + 64 * i, 1);
    }
#endif
}

/* The sums of four channels. */
KERNEL fours_t dots_sum(const dots_t *s, const int32_t *bias) {
#if ASCUA_NEON
    int32x2_t half[4];
    for (int32_t i = 0; i < 4; i++) {
        half[i] = vadd_s32(vget_low_s32(s->part[i]), vget_high_s32(s->part[i]));
    }
    return vaddq_s32(vcombine_s32(vpadd_s32(half[0], half[1]), vpadd_s32(half[2], half[3])),
                     vld1q_s32(bias));
#elif ASCUA_AVX2
    const __m256i v = _mm256_hadd_epi32(_mm256_hadd_epi32(s->part[0], s->part[1]),
                                        _mm256_hadd_epi32(s->part[2], s->part[3]));
    return _mm_add_epi32(_mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)),
                         _mm_loadu_si128((const __m128i *)(const void *)bias));
#else
    fours_t v;
    for (int32_t i = 0; i < 4; i++) {
        v.lane[i] = (int32_t)s->part[i];
    }
    (void)bias;
    return v;
#endif
}

#endif

/* The sums of four channels, weights[kh][runs][vectors][4][16], for a window that begins `at` bytes
   into each row. */
KERNEL fours_t dots_one(const taps_t *t, const int8_t *const *rows, int32_t at, const int8_t *w,
                        const int32_t *bias) {
    dots_t s = dots_begin(bias);
    for (int32_t ky = 0; ky < t->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < t->runs; i++) {
            dots_add(&s, x, w, t->vectors);
            x += t->gap;
            w += 64 * t->vectors;
        }
    }
    return dots_sum(&s, bias);
}

/* The same of two windows, the other `step` bytes further. */
KERNEL void dots_two(const taps_t *t, const int8_t *const *rows, int32_t at, int32_t step,
                     const int8_t *w, const int32_t *bias, fours_t *first, fours_t *second) {
#if ASCUA_HELIUM
#pragma GCC unroll 2
    for (int32_t odd = 0; odd < 2; odd++) {
        const uint32_t a = (uint32_t)bias[odd], b = (uint32_t)bias[2 + odd];
        const int8_t *u = w + 16 * odd;
        dots_t s = {{a, b, a, b}};
        for (int32_t ky = 0; ky < t->kh; ky++) {
            const int8_t *x = rows[ky] + at;
            for (int32_t i = 0; i < t->runs; i++) {
                dots_add_square(&s, x, x + step, u, t->vectors);
                x += t->gap;
                u += 64 * t->vectors;
            }
        }
        if (odd) {
            *first = dots_odd(*first, s.part[0], s.part[1]);
            *second = dots_odd(*second, s.part[2], s.part[3]);
        } else {
            *first = dots_even(vuninitializedq_s32(), s.part[0], s.part[1]);
            *second = dots_even(vuninitializedq_s32(), s.part[2], s.part[3]);
        }
    }
#else
    dots_t s = dots_begin(bias), r = s;
    for (int32_t ky = 0; ky < t->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < t->runs; i++) {
            dots_add_two(&s, &r, x, x + step, w, t->vectors);
            x += t->gap;
            w += 64 * t->vectors;
        }
    }
    *first = dots_sum(&s, bias);
    *second = dots_sum(&r, bias);
#endif
}

/* y[oc] of the window in rows, and other[oc] of one `step` bytes further. */
KERNEL void dots_channels(const taps_t *t, const int8_t *const *rows, int32_t at, int32_t step,
                          const int8_t *w, int32_t oc, const rescale_t *r, int8_t *y,
                          int8_t *other) {
    const int32_t each = 64 * t->kh * t->runs * t->vectors;
    for (int32_t c = 0; c < oc; c += 4) {
        const int32_t n = oc - c < 4 ? oc - c : 4;
        fours_t first, second;
        dots_two(t, rows, at, step, w, r->bias + c, &first, &second);
        first = fours_requantize(first, r, c);
        second = fours_requantize(second, r, c);
        fours_store(y + c, first, n);
        fours_store(other + c, second, n);
        w += each;
    }
}

#endif
