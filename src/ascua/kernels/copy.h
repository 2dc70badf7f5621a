/* Copying and filling by words: small C libraries go byte by byte. */
#ifndef ASCUA_COPY_H
#define ASCUA_COPY_H

#include "kernel.h"

/* Copies n bytes; sixteen at a time are four loads and four stores. */
SHARED void copy_bytes(int8_t *to, const int8_t *from, int32_t n) {
    for (; n >= 16; n -= 16) {
        memcpy(to, from, 16);
        to += 16;
        from += 16;
    }
    for (n &= 15; n >= 4; n -= 4) {
        memcpy(to, from, 4);
        to += 4;
        from += 4;
    }
    for (n &= 3; n > 0; n--) {
        *to++ = *from++;
        KEEP_ORDER(); /* or GCC calls memcpy */
    }
}

/* The same for a run inside a loop: where n is small and known, the compiler writes the moves. */
KERNEL void copy_few(int8_t *to, const int8_t *from, int32_t n) {
    if (__builtin_constant_p(n) && n <= 16) {
        memcpy(to, from, (size_t)n);
    } else {
        copy_bytes(to, from, n);
    }
}

/* Writes n bytes of `value`. */
SHARED void fill_bytes(int8_t *to, int32_t value, int32_t n) {
    const uint32_t word = (uint8_t)value * 0x01010101u;
    for (; n >= 4; n -= 4) {
        memcpy(to, &word, 4);
        to += 4;
        KEEP_ORDER(); /* or GCC calls memset */
    }
    for (n &= 3; n > 0; n--) {
        *to++ = (int8_t)value;
        KEEP_ORDER();
    }
}

#endif
