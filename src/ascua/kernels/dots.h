/* Products of pixels with four channels, sixteen taps at a time. */
#ifndef ASCUA_DOTS_H
#define ASCUA_DOTS_H

#include "vectors.h"

/* A window's taps: runs of 16 * vectors adjacent bytes in `kh` rows, and the bytes from one run to
   the next. */
typedef struct {
    int32_t kh, runs, vectors, gap;
} taps_t;

/* A sum, or parts that have to be added to it. */
#if ASCUA_NEON
typedef int32x4_t part_t;
#elif ASCUA_AVX2
typedef __m256i part_t;
#else
typedef uint32_t part_t;
#endif

/* Sums of a pixel with four channels; of Helium also of two pixels with two channels each. */
typedef struct {
    part_t a, b, c, d;
} dots_t;

#if ASCUA_HELIUM

KERNEL dots_t dots_none(void) {
    const dots_t s = {0, 0, 0, 0};
    return s;
}

/* Adds the products of x[n][16] with weights[n][4][16]. */
KERNEL void dots_add(dots_t *s, const int8_t *x, const int8_t *w, int32_t n) {
    register uint32_t a __asm__("r4") = s->a;
    register uint32_t b __asm__("r6") = s->b;
    register uint32_t c __asm__("r8") = s->c;
    register uint32_t d __asm__("r10") = s->d;
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
        __asm__ volatile(
            "dls lr, %[n]\n"
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
    }
    s->a = a;
    s->b = b;
    s->c = c;
    s->d = d;
}

/* Adds those of x[n][16] and y[n][16] with the first and the third of four channels: a load less
   for four products. */
KERNEL void dots_add_square(dots_t *s, const int8_t *x, const int8_t *y, const int8_t *w,
                            int32_t n) {
    register uint32_t a __asm__("r4") = s->a;
    register uint32_t b __asm__("r6") = s->b;
    register uint32_t c __asm__("r8") = s->c;
    register uint32_t d __asm__("r10") = s->d;
    __asm__ volatile(
        "dls lr, %[n]\n"
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
        : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [x] "+r"(x), [y] "+r"(y), [w] "+r"(w)
        : [n] "r"(n)
        : "q0", "q1", "q2", "q3", "lr", "memory");
    s->a = a;
    s->b = b;
    s->c = c;
    s->d = d;
}

/* The same, of one vector to begin with. */
KERNEL dots_t dots_square(const int8_t *x, const int8_t *y, const int8_t *w) {
    register uint32_t a __asm__("r4");
    register uint32_t b __asm__("r6");
    register uint32_t c __asm__("r8");
    register uint32_t d __asm__("r10");
    __asm__ volatile("vldrb.8 q0, [%[x]]\n\t"
                     "vldrb.8 q1, [%[w]]\n\t"
                     "vmladav.s8 %[a], q0, q1\n\t"
                     "vldrb.8 q2, [%[y]]\n\t"
                     "vmladav.s8 %[c], q2, q1\n\t"
                     "vldrb.8 q3, [%[w], #32]\n\t"
                     "vmladav.s8 %[b], q0, q3\n\t"
                     "vmladav.s8 %[d], q2, q3"
                     : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)
                     : [x] "r"(x), [y] "r"(y), [w] "r"(w)
                     : "q0", "q1", "q2", "q3", "memory");
    const dots_t s = {a, b, c, d};
    return s;
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
KERNEL fours_t dots_sum(const dots_t *s) {
    const fours_t v = dots_even(vuninitializedq_s32(), s->a, s->c);
    return dots_odd(v, s->b, s->d);
}

#else

/* A part without a product. */
KERNEL part_t part_none(void) {
#if ASCUA_NEON
    return vdupq_n_s32(0);
#elif ASCUA_AVX2
    return _mm256_setzero_si256();
#else
    return 0;
#endif
}

/* Adds sixteen products to a part. */
KERNEL part_t part_add(part_t sum, const int8_t *x, const int8_t *w) {
#if ASCUA_NEON
    const int8x16_t v = vld1q_s8(x), u = vld1q_s8(w);
    const int16x8_t two = vmull_s8(vget_low_s8(v), vget_low_s8(u));
    return vpadalq_s16(sum, vmlal_s8(two, vget_high_s8(v), vget_high_s8(u)));
#elif ASCUA_AVX2
    const void *from = x, *by = w;
    const __m256i v = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
    const __m256i u = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)by));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(v, u));
#else
    for (int32_t k = 0; k < 16; k++) {
        sum += (uint32_t)(x[k] * w[k]);
    }
    return sum;
#endif
}

KERNEL dots_t dots_none(void) {
    const dots_t s = {part_none(), part_none(), part_none(), part_none()};
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
                     : [a] "+w"(s->a), [b] "+w"(s->b), [c] "+w"(s->c), [d] "+w"(s->d), [x] "+r"(x),
                       [w] "+r"(w), [n] "+r"(n)
                     :
                     : "q0", "q2", "q3", "q4", "q5", "cc", "memory");
#else
    for (; n > 0; n--) {
        s->a = part_add(s->a, x, w);
        s->b = part_add(s->b, x, w + 16);
        s->c = part_add(s->c, x, w + 32);
        s->d = part_add(s->d, x, w + 48);
        x += 16;
        w += 64;
    }
#endif
}

/* The same of another pixel, too. */
KERNEL void dots_add_two(dots_t *s, dots_t *other, const int8_t *x, const int8_t *y,
                         const int8_t *w, int32_t n) {
#if ASCUA_NEON && defined(__arm__)
    __asm__ volatile("1:\n\t"
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
                     : [a] "+w"(s->a), [b] "+w"(s->b), [c] "+w"(s->c), [d] "+w"(s->d),
                       [e] "+w"(other->a), [f] "+w"(other->b), [g] "+w"(other->c),
                       [h] "+w"(other->d), [x] "+r"(x), [y] "+r"(y), [w] "+r"(w), [n] "+r"(n)
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
KERNEL fours_t dots_sum(const dots_t *s) {
#if ASCUA_NEON
    const int32x2_t a = vadd_s32(vget_low_s32(s->a), vget_high_s32(s->a));
    const int32x2_t b = vadd_s32(vget_low_s32(s->b), vget_high_s32(s->b));
    const int32x2_t c = vadd_s32(vget_low_s32(s->c), vget_high_s32(s->c));
    const int32x2_t d = vadd_s32(vget_low_s32(s->d), vget_high_s32(s->d));
    return vcombine_s32(vpadd_s32(a, b), vpadd_s32(c, d));
#elif ASCUA_AVX2
    const __m256i v =
        _mm256_hadd_epi32(_mm256_hadd_epi32(s->a, s->b), _mm256_hadd_epi32(s->c, s->d));
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
#else
    const fours_t v = {{(int32_t)s->a, (int32_t)s->b, (int32_t)s->c, (int32_t)s->d}};
    return v;
#endif
}

#endif

/* The sums of four channels, their biases and weights[kh][runs][vectors][4][16], for two windows:
   one begins `at` bytes into each row, the other `step` bytes further. */
KERNEL void dots_two(const taps_t *t, const int8_t *const *rows, int32_t at, int32_t step,
                     const int8_t *w, const int32_t *bias, fours_t *first, fours_t *second) {
#if ASCUA_HELIUM
    const int32_t all = t->kh * t->runs * t->vectors;
    const int32_t once = __builtin_constant_p(all) && all == 1;
#pragma GCC unroll 2
    for (int32_t odd = 0; odd < 2; odd++) {
        const int8_t *u = w + 16 * odd;
        const uint32_t a = (uint32_t)bias[odd], b = (uint32_t)bias[2 + odd];
        const dots_t begun = {a, b, a, b};
        dots_t s = once ? dots_square(rows[0] + at, rows[0] + at + step, u) : begun;
        for (int32_t ky = 0; !once && ky < t->kh; ky++) {
            const int8_t *x = rows[ky] + at;
            for (int32_t i = 0; i < t->runs; i++) {
                dots_add_square(&s, x, x + step, u, t->vectors);
                x += t->gap;
                u += 64 * t->vectors;
            }
        }
        if (odd) {
            *first = dots_odd(*first, s.a, s.b);
            *second = dots_odd(*second, s.c, s.d);
        } else {
            *first = dots_even(vuninitializedq_s32(), s.a, s.b);
            *second = dots_even(vuninitializedq_s32(), s.c, s.d);
        }
    }
    if (once) {
        *first = fours_add(*first, fours_load((const s32_t *)bias));
        *second = fours_add(*second, fours_load((const s32_t *)bias));
    }
#else
    dots_t s = dots_none(), r = dots_none();
    for (int32_t ky = 0; ky < t->kh; ky++) {
        const int8_t *x = rows[ky] + at;
        for (int32_t i = 0; i < t->runs; i++) {
            dots_add_two(&s, &r, x, x + step, w, t->vectors);
            x += t->gap;
            w += 64 * t->vectors;
        }
    }
    *first = fours_add(dots_sum(&s), fours_load((const s32_t *)bias));
    *second = fours_add(dots_sum(&r), fours_load((const s32_t *)bias));
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
        const rescale_fours_t q = rescale_fours(r, c);
        first = fours_requantize(first, &q, r->zero, r->low, r->high);
        second = fours_requantize(second, &q, r->zero, r->low, r->high);
        fours_store(y + c, first, n);
        fours_store(other + c, second, n);
        w += each;
    }
}

#endif
