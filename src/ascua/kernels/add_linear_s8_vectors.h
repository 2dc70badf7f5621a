/* Sum of two runs of equal length, each with a factor: eight elements at a time. */
#ifndef ASCUA_ADD_LINEAR_S8_VECTORS_H
#define ASCUA_ADD_LINEAR_S8_VECTORS_H

#include "add_linear_s8.h"
#include "vectors.h"

typedef struct {
    int32_t n, a_factor, b_factor, add, shift, low, high; /* as in add_linear_s8_t */
} add_linear_s8_vectors_t;

#if ASCUA_HELIUM
/* Eight elements n times, 1 or more: while eight are scaled, those before them are clamped. */
KERNEL void add_linear_s8_vectors_eights(const add_linear_s8_t *p, int32_t n, const int8_t *a,
                                         const int8_t *b, int8_t *y) {
    register int32x4_t q4 __asm__("q4") = vdupq_n_s32(p->low);
    register int32x4_t q5 __asm__("q5") = vdupq_n_s32(p->high);
    register int32x4_t q6 __asm__("q6") = vdupq_n_s32(p->a_factor);
    __asm__ volatile(
        "vldrb.s32 q2, [%[a]], #4\n\t"
        "vldrb.s32 q3, [%[a]], #4\n\t"
        "vmlas.s32 q2, q6, %[add]\n\t"
        "vldrb.s32 q7, [%[b]], #4\n\t"
        "vmlas.s32 q3, q6, %[add]\n\t"
        "vmla.s32 q2, q7, %[factor]\n\t"
        "vldrb.s32 q7, [%[b]], #4\n\t"
        "vmla.s32 q3, q7, %[factor]\n\t"
        "vshl.s32 q2, %[left]\n\t"
        "vshl.s32 q3, %[left]\n\t"
        "wls lr, %[n], 2f\n"
        "1:\n\t"
        "vmax.s32 q0, q2, q4\n\t"
        "vldrb.s32 q2, [%[a]], #4\n\t"
        "vmax.s32 q1, q3, q4\n\t"
        "vmlas.s32 q2, q6, %[add]\n\t"
        "vldrb.s32 q7, [%[b]], #4\n\t"
        "vmin.s32 q0, q0, q5\n\t"
        "vmla.s32 q2, q7, %[factor]\n\t"
        "vldrb.s32 q3, [%[a]], #4\n\t"
        "vmin.s32 q1, q1, q5\n\t"
        "vmlas.s32 q3, q6, %[add]\n\t"
        "vldrb.s32 q7, [%[b]], #4\n\t"
        "vshl.s32 q2, %[left]\n\t"
        "vmla.s32 q3, q7, %[factor]\n\t"
        "vstrb.32 q0, [%[y]], #4\n\t"
        "vshl.s32 q3, %[left]\n\t"
        "vstrb.32 q1, [%[y]], #4\n\t"
        "le lr, 1b\n"
        "2:\n\t"
        "vmax.s32 q2, q2, q4\n\t"
        "vmax.s32 q3, q3, q4\n\t"
        "vmin.s32 q2, q2, q5\n\t"
        "vstrb.32 q2, [%[y]], #4\n\t"
        "vmin.s32 q3, q3, q5\n\t"
        "vstrb.32 q3, [%[y]], #4"
        : [a] "+l"(a), [b] "+l"(b), [y] "+l"(y)
        : [n] "r"(n - 1), [add] "r"(p->add), [factor] "r"(p->b_factor), [left] "r"(-p->shift),
          "w"(q4), "w"(q5), "w"(q6)
        : "q0", "q1", "q2", "q3", "q7", "lr", "cc", "memory");
}
#else
/* Eight elements. */
KERNEL void add_linear_s8_vectors_eight(const add_linear_s8_t *p, const int8_t *a, const int8_t *b,
                                        int8_t *y) {
#if ASCUA_NEON
    const int32x4_t add = vdupq_n_s32(p->add), right = vdupq_n_s32(-p->shift);
    const int16x8_t s = vmovl_s8(vld1_s8(a)), t = vmovl_s8(vld1_s8(b));
    int32x4_t u = vmlaq_n_s32(add, vmovl_s16(vget_low_s16(s)), p->a_factor);
    int32x4_t v = vmlaq_n_s32(add, vmovl_s16(vget_high_s16(s)), p->a_factor);
    u = vmlaq_n_s32(u, vmovl_s16(vget_low_s16(t)), p->b_factor);
    v = vmlaq_n_s32(v, vmovl_s16(vget_high_s16(t)), p->b_factor);
    int8x8_t w =
        vqmovn_s16(vcombine_s16(vqmovn_s32(vshlq_s32(u, right)), vqmovn_s32(vshlq_s32(v, right))));
    w = vmax_s8(w, vdup_n_s8((int8_t)p->low));
    vst1_s8(y, vmin_s8(w, vdup_n_s8((int8_t)p->high)));
#else
    for (int32_t i = 0; i < 8; i++) {
        y[i] = add_linear_s8_one(p, a[i], b[i]);
    }
#endif
}

/* Eight elements n times. */
KERNEL void add_linear_s8_vectors_eights(const add_linear_s8_t *p, int32_t n, const int8_t *a,
                                         const int8_t *b, int8_t *y) {
    for (; n > 0; n--) {
        add_linear_s8_vectors_eight(p, a, b, y);
        a += 8;
        b += 8;
        y += 8;
    }
}
#endif

/* y[n] = (a[n] * a_factor + b[n] * b_factor + add) >> shift, clamped. */
KERNEL void add_linear_s8_vectors(const add_linear_s8_vectors_t *p, const int8_t *a,
                                  const int8_t *b, int8_t *y) {
    const add_linear_s8_t plain = {p->n,     p->a_factor, p->b_factor, p->add,
                                   p->shift, p->low,      p->high};
    const int32_t eights = p->n >> 3;
    if (eights) {
        add_linear_s8_vectors_eights(&plain, eights, a, b, y);
        a += 8 * eights;
        b += 8 * eights;
        y += 8 * eights;
    }
    for (int32_t rest = p->n & 7; rest > 0; rest--) {
        *y++ = add_linear_s8_one(&plain, *a++, *b++);
    }
}

#endif
