/* Operators of version 4 that move values. Where nothing is specified, a comment says what is
 * taken. */
#include "v4.h"

#include <string.h>

/* `inner` counts bytes where that fills the output, otherwise elements. */
void concat(reader *r) {
    range out = next_range(r);
    int64_t inner = next_u32(r), outer = next_u32(r), n = next_u32(r), all = 0, before = 0;
    reader dims = *r, again;
    next_bytes(&dims, 16 * (uint64_t)n);
    again = dims;
    for (int64_t i = 0; i < n; i++)
        all += next_i32(&again);
    if (inner * outer * all != out.size)
        inner *= width(out);
    if (inner * outer * all != out.size)
        fail(r->m, "a concatenation of another size");
    uint8_t *to = target(r->m, out, out.size);
    for (int64_t i = 0; i < n; i++) {
        int64_t run = next_i32(&dims) * inner;
        const uint8_t *from = source(r->m, next_range(r), run * outer);
        for (int64_t o = 0; o < outer; o++)
            memcpy(to + o * inner * all + before, from + o * run, (size_t)run);
        before += run;
    }
}

void memory_copy(reader *r) {
    range in = next_range(r), out = next_range(r);
    memmove(target(r->m, out, in.size), source(r->m, in, in.size), in.size);
}

/* What is outside is `value`; a negative pad crops. */
void pad(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r), so;
    int64_t before[4];
    for (int d = 0; d < 4; d++) {
        before[d] = next_i32(r);
        so.n[d] = s.n[d] + before[d] + next_i32(r);
        if (so.n[d] < 0)
            fail(r->m, "a side of %lld", (long long)so.n[d]);
    }
    next_u32(r); /* the type, which the ranges have too */
    const uint8_t *value = r->m->file + next_bytes(r, 4), *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        int inside = 1;
        unravel(i, so, at);
        for (int d = 0; d < 4; d++) {
            at[d] -= before[d];
            inside &= at[d] >= 0 && at[d] < s.n[d];
        }
        const uint8_t *from = inside ? x + ravel(at, s) * width(in) : value;
        memcpy(to + i * width(out), from, (size_t)width(out));
    }
}

/* Side d of the output is side perm[d] of the input. */
void transpose(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r), perm = next_shape(r), so;
    for (int d = 0; d < 4; d++) {
        if (perm.n[d] > 3)
            fail(r->m, "no axis %lld", (long long)perm.n[d]);
        so.n[d] = s.n[perm.n[d]];
    }
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4], from[4] = {0};
        unravel(i, so, at);
        for (int d = 0; d < 4; d++)
            from[perm.n[d]] = at[d];
        memcpy(to + i * width(out), x + ravel(from, s) * width(in), (size_t)width(out));
    }
}

/* As TensorFlow's: a mask's bit d takes the whole of side d; what is negative counts from the
 * end. Masks that change the rank are refused. */
void strided_slice(reader *r) {
    range in = next_range(r), out = next_range(r);
    shape s = next_shape(r), so;
    int64_t k[3][4];
    for (int i = 0; i < 12; i++)
        k[i / 4][i % 4] = next_i32(r);
    uint32_t begin_mask = next_u32(r), end_mask = next_u32(r);
    if (next_u32(r) || next_u32(r) || next_u32(r))
        fail(r->m, "a slice that changes the rank");
    for (int d = 0; d < 4; d++) {
        int64_t step = k[2][d], from = k[0][d], to = k[1][d], side = s.n[d];
        if (step < 1)
            fail(r->m, "a stride of %lld", (long long)step);
        if (from < 0)
            from += side;
        if (to < 0)
            to += side;
        if (begin_mask >> d & 1)
            from = 0;
        if (end_mask >> d & 1 || to > side)
            to = side;
        if (from < 0 || from > side)
            fail(r->m, "a slice from %lld", (long long)from);
        k[0][d] = from;
        so.n[d] = to > from ? (to - from + step - 1) / step : 0;
    }
    const uint8_t *x = elements(r->m, in, volume(s));
    uint8_t *to = written(r->m, out, volume(so));
    for (int64_t i = 0; i < volume(so); i++) {
        int64_t at[4];
        unravel(i, so, at);
        for (int d = 0; d < 4; d++)
            at[d] = k[0][d] + at[d] * k[2][d];
        memcpy(to + i * width(out), x + ravel(at, s) * width(in), (size_t)width(out));
    }
}

void table_lookup1d(reader *r) {
    range in = next_range(r), table = next_range(r), out = next_range(r);
    const uint8_t *x = source(r->m, in, out.size), *values = source(r->m, table, 256);
    uint8_t *to = target(r->m, out, out.size);
    for (int64_t i = 0; i < out.size; i++)
        to[i] = values[x[i]];
}
