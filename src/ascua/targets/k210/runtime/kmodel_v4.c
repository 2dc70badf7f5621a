/* The operators of version 4, of nncase 0.2. Tensors are ranges of memories, shapes NCHW. */
#include "kmodel_layer.h"

#include <math.h>
#include <string.h>

enum { AXES = 4, MOST_PARTS = 128, MOST_PAD = 1 << 16, MOST_SHIFT = 63, TABLE = 256 };
enum binary { ADD, SUB, MUL, DIV, MIN, MAX, BINARIES };
enum unary { ABS, CEIL, COS, EXP, FLOOR, LOG, NEG, RSQRT, SIN, SQUARE, UNARIES };
enum reduction { MEAN, LEAST, MOST, SUM, REDUCTIONS };

/* A tensor, as the file says where it lies. */
struct range {
    uint32_t memory, type, start, bytes;
};

struct shape {
    uint32_t size[AXES];
};

static struct range range(struct body *b) {
    struct range r = {kmodel_word(b), 0, 0, 0};
    r.type = kmodel_word(b);
    r.start = kmodel_word(b);
    r.bytes = kmodel_word(b);
    kmodel_check(b, r.memory <= KPU_MEMORY && r.type <= 1);
    return r;
}

static uint32_t positive(struct body *b) {
    int32_t value = kmodel_integer(b);
    kmodel_check(b, value > 0);
    return (uint32_t)value;
}

static struct shape shape(struct body *b) {
    struct shape s;
    for (int i = 0; i < AXES; i++) {
        s.size[i] = positive(b);
    }
    return s;
}

static uint32_t shift(struct body *b) {
    uint32_t value = kmodel_word(b);
    kmodel_check(b, value <= MOST_SHIFT);
    return value & MOST_SHIFT;
}

static uint32_t choice(struct body *b, uint32_t count) {
    uint32_t value = kmodel_word(b);
    kmodel_check(b, value < count);
    return value;
}

static uint64_t product(uint64_t a, uint64_t b) {
    return a > UINT32_MAX || b > UINT32_MAX ? UINT64_MAX : a * b;
}

static uint64_t count(struct shape s) {
    return product(product(product(s.size[0], s.size[1]), s.size[2]), s.size[3]);
}

static uint32_t unit(kmodel_type type) {
    return type == KMODEL_FLOAT ? sizeof(float) : 1;
}

/* A tensor of `n` elements that is read: of that type and length, and on the CPU's side. */
static struct span input(struct body *b, struct range r, kmodel_type type, uint64_t n) {
    kmodel_check(b, r.memory != KPU_MEMORY && r.type == type && n <= UINT32_MAX &&
                        r.bytes == n * unit(type));
    return kmodel_span(b, b->bad ? WORK : (enum memory)r.memory, r.start, n, unit(type));
}

/* And one that is written. */
static struct span output(struct body *b, struct range r, kmodel_type type, uint64_t n) {
    kmodel_check(b, r.memory == WORK);
    return input(b, r, type, n);
}

static const float *as_floats(struct span s) {
    return (const float *)(const void *)s.at;
}

static float *to_floats(struct span s) {
    return (float *)(void *)s.at;
}

static float clamped(float y, float least, float most) {
    y = y < least ? least : y;
    return y > most ? most : y;
}

/* value * mul / 2**shift, halves up, as an int32. */
static int64_t scaled(int64_t value, int64_t mul, uint32_t shift) {
    int64_t half = (int64_t)(UINT64_C(1) << shift >> 1);
    return (int32_t)(uint32_t)(uint64_t)(kmodel_plus(kmodel_times(value, mul), half) >> shift);
}

/* How an axis of two tensors goes with that of a third: steps of 0 where there is one element. */
struct broadcast {
    struct shape out;
    size_t a[AXES], b[AXES];
};

static struct broadcast broadcast(struct body *b, struct shape x, struct shape z, struct shape y) {
    struct broadcast found = {.out = y};
    size_t a_step = 1, b_step = 1;
    for (int i = AXES - 1; i >= 0; i--) {
        uint32_t p = x.size[i], q = z.size[i], most = p > q ? p : q;
        kmodel_check(b, y.size[i] == most && (p == 1 || p == most) && (q == 1 || q == most));
        found.a[i] = p == 1 ? 0 : a_step;
        found.b[i] = q == 1 ? 0 : b_step;
        a_step *= p;
        b_step *= q;
    }
    return found;
}

static float float_of_two(uint32_t op, float x, float z) {
    switch (op) {
    case ADD:
        return x + z;
    case SUB:
        return x - z;
    case MUL:
        return x * z;
    case DIV:
        return x / z;
    case MIN:
        return z < x ? z : x;
    default:
        return z > x ? z : x;
    }
}

static kmodel_status binary(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), rz = range(b), ry = range(b);
    uint32_t op = choice(b, BINARIES);
    struct shape sx = shape(b), sz = shape(b), sy = shape(b);
    float least = kmodel_bound(b), most = kmodel_bound(b);
    const struct broadcast by = broadcast(b, sx, sz, sy);
    struct span x = input(b, rx, KMODEL_FLOAT, count(sx));
    struct span z = input(b, rz, KMODEL_FLOAT, count(sz));
    struct span y = output(b, ry, KMODEL_FLOAT, count(sy));
    kmodel_apart(b, y, x, true);
    kmodel_apart(b, y, z, true);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    float *to = to_floats(y);
    const uint32_t *n = sy.size;
    for (uint32_t i = 0; i < n[0]; i++) {
        for (uint32_t j = 0; j < n[1]; j++) {
            for (uint32_t k = 0; k < n[2]; k++) {
                const float *p = as_floats(x) + i * by.a[0] + j * by.a[1] + k * by.a[2];
                const float *q = as_floats(z) + i * by.b[0] + j * by.b[1] + k * by.b[2];
                for (uint32_t l = 0; l < n[3]; l++, p += by.a[3], q += by.b[3]) {
                    *to++ = clamped(float_of_two(op, *p, *q), least, most);
                }
            }
        }
    }
    return status;
}

/* (x + z / 2) / z, without rest; -1 where z is 0, as the chip's instruction has it. */
static int64_t divided(int64_t x, int64_t z) {
    return z == 0 ? -1 : (x + z / 2) / z;
}

static int64_t integer_of_two(uint32_t op, int64_t x, int64_t z) {
    switch (op) {
    case ADD:
        return x + z;
    case SUB:
        return x - z;
    case MUL:
        return x * z;
    case DIV:
        return divided(x, z);
    case MIN:
        return z < x ? z : x;
    default:
        return z > x ? z : x;
    }
}

/* How the bytes of a tensor become integers. */
struct scale {
    int64_t offset, mul;
    uint32_t shift;
};

static struct scale scale(struct body *b) {
    struct scale s;
    s.offset = kmodel_integer(b);
    s.mul = kmodel_integer(b);
    s.shift = shift(b);
    return s;
}

static int64_t rescaled(struct scale s, uint8_t value) {
    return scaled(value + s.offset, s.mul, s.shift);
}

static kmodel_status quantized_binary(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), rz = range(b), ry = range(b);
    uint32_t op = choice(b, BINARIES);
    struct shape sx = shape(b), sz = shape(b), sy = shape(b);
    const struct scale of_x = scale(b), of_z = scale(b), of_y = scale(b);
    const struct broadcast by = broadcast(b, sx, sz, sy);
    struct span x = input(b, rx, KMODEL_BYTE, count(sx));
    struct span z = input(b, rz, KMODEL_BYTE, count(sz));
    struct span y = output(b, ry, KMODEL_BYTE, count(sy));
    kmodel_apart(b, y, x, true);
    kmodel_apart(b, y, z, true);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    if (z.bytes == 1 && y.bytes > TABLE) { /* then each byte always becomes the same one */
        uint8_t table[TABLE];
        int64_t other = rescaled(of_z, *z.at);
        for (int i = 0; i < TABLE; i++) {
            int64_t v = integer_of_two(op, rescaled(of_x, (uint8_t)i), other);
            table[i] = kmodel_byte(scaled(v, of_y.mul, of_y.shift) + of_y.offset);
        }
        kmodel_look_up(table, x.at, y.at, y.bytes);
        return status;
    }
    uint8_t *to = y.at;
    const uint32_t *n = sy.size;
    for (uint32_t i = 0; i < n[0]; i++) {
        for (uint32_t j = 0; j < n[1]; j++) {
            for (uint32_t k = 0; k < n[2]; k++) {
                const uint8_t *p = x.at + i * by.a[0] + j * by.a[1] + k * by.a[2];
                const uint8_t *q = z.at + i * by.b[0] + j * by.b[1] + k * by.b[2];
                for (uint32_t l = 0; l < n[3]; l++, p += by.a[3], q += by.b[3]) {
                    int64_t v = integer_of_two(op, rescaled(of_x, *p), rescaled(of_z, *q));
                    *to++ = kmodel_byte(scaled(v, of_y.mul, of_y.shift) + of_y.offset);
                }
            }
        }
    }
    return status;
}

static float of_one(uint32_t op, float x) {
    switch (op) {
    case ABS:
        return fabsf(x);
    case CEIL:
        return ceilf(x);
    case COS:
        return (float)cos((double)x);
    case EXP:
        return kmodel_exp(x);
    case FLOOR:
        return floorf(x);
    case LOG:
        return (float)log((double)x);
    case NEG:
        return -x;
    case RSQRT:
        return 1 / sqrtf(x);
    case SIN:
        return (float)sin((double)x);
    default:
        return x * x;
    }
}

static kmodel_status unary(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    uint32_t op = choice(b, UNARIES), n = ry.bytes / sizeof(float);
    struct span x = input(b, rx, KMODEL_FLOAT, n), y = output(b, ry, KMODEL_FLOAT, n);
    kmodel_apart(b, y, x, true);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    const float *from = as_floats(x);
    float *to = to_floats(y);
    if (op == EXP) { /* the one that files have: in softmax */
        kmodel_exps(from, to, n);
        return status;
    }
    for (uint32_t i = 0; i < n; i++) {
        to[i] = of_one(op, from[i]);
    }
    return status;
}

static kmodel_status unsupported(struct body *b) {
    (void)b;
    return KMODEL_UNSUPPORTED;
}

static kmodel_status table_lookup(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), rt = range(b), ry = range(b);
    struct span x = input(b, rx, KMODEL_BYTE, ry.bytes);
    struct span table = input(b, rt, KMODEL_BYTE, TABLE);
    struct span y = output(b, ry, KMODEL_BYTE, ry.bytes);
    kmodel_apart(b, y, x, true);
    kmodel_apart(b, y, table, true);
    if (kmodel_ready(b, &status)) {
        kmodel_look_up(table.at, x.at, y.at, y.bytes);
    }
    return status;
}

static kmodel_status dequantize(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    int64_t zero = kmodel_integer(b);
    float levels = kmodel_float(b);
    kmodel_check(b, levels != 0);
    struct span x = input(b, rx, KMODEL_BYTE, rx.bytes);
    struct span y = output(b, ry, KMODEL_FLOAT, rx.bytes);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        float *to = to_floats(y), inverse = 1 / levels;
        for (uint64_t i = 0; i < x.bytes; i++) {
            to[i] = (float)(x.at[i] - zero) * inverse;
        }
    }
    return status;
}

static kmodel_status quantize(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    float zero = (float)kmodel_integer(b), levels = kmodel_float(b);
    struct span x = input(b, rx, KMODEL_FLOAT, ry.bytes);
    struct span y = output(b, ry, KMODEL_BYTE, ry.bytes);
    kmodel_apart(b, y, x, false);
    if (kmodel_ready(b, &status)) {
        const float *from = as_floats(x);
        for (uint64_t i = 0; i < y.bytes; i++) {
            y.at[i] = kmodel_rounded_byte(from[i] * levels + zero);
        }
    }
    return status;
}

/* Of `outer` runs the sum, least or most of elements `step` apart: in order, from `init` on. */
static float reduced(uint32_t op, float init, const float *x, struct shape n, const size_t *steps) {
    float y = init;
    if (n.size[0] == 1 && n.size[1] == 1 && steps[2] == n.size[3] && (op == MEAN || op == SUM)) {
        return kmodel_total(init, x, (size_t)n.size[2] * n.size[3]);
    }
    for (uint32_t i = 0; i < n.size[0]; i++) {
        for (uint32_t j = 0; j < n.size[1]; j++) {
            for (uint32_t k = 0; k < n.size[2]; k++) {
                const float *from = x + i * steps[0] + j * steps[1] + k * steps[2];
                for (uint32_t l = 0; l < n.size[3]; l++) {
                    float v = from[l];
                    y = op == LEAST ? (v < y ? v : y) : op == MOST ? (v > y ? v : y) : y + v;
                }
            }
        }
    }
    return y;
}

static kmodel_status reduce(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    uint32_t op = choice(b, REDUCTIONS);
    struct shape sx = shape(b), sy = shape(b), within = sx;
    float init = kmodel_bound(b);
    size_t steps[AXES], step = 1;
    for (int i = AXES - 1; i >= 0; i--) {
        kmodel_check(b, sy.size[i] == 1 || sy.size[i] == sx.size[i]);
        within.size[i] = sy.size[i] == 1 ? sx.size[i] : 1;
        steps[i] = step;
        step *= sx.size[i];
    }
    struct span x = input(b, rx, KMODEL_FLOAT, count(sx));
    struct span y = output(b, ry, KMODEL_FLOAT, count(sy));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    float *to = to_floats(y), share = (float)count(sy) / (float)count(sx);
    const uint32_t *n = sy.size;
    for (uint32_t i = 0; i < n[0]; i++) {
        for (uint32_t j = 0; j < n[1]; j++) {
            for (uint32_t k = 0; k < n[2]; k++) {
                const float *from = as_floats(x) + i * steps[0] + j * steps[1] + k * steps[2];
                for (uint32_t l = 0; l < n[3]; l++) {
                    float v = reduced(op, init, from + l, within, steps);
                    *to++ = op == MEAN ? v * share : v;
                }
            }
        }
    }
    return status;
}

static kmodel_status softmax(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    uint32_t inner = positive(b), outer = positive(b);
    float beta = kmodel_float(b);
    uint64_t n = (uint64_t)inner * outer;
    struct span x = input(b, rx, KMODEL_FLOAT, n), y = output(b, ry, KMODEL_FLOAT, n);
    kmodel_apart(b, y, x, true);
    if (kmodel_ready(b, &status)) {
        for (uint32_t i = 0; i < outer; i++) {
            size_t at = (size_t)i * inner;
            kmodel_softmax(as_floats(x) + at, to_floats(y) + at, inner, -INFINITY, beta);
        }
    }
    return status;
}

static kmodel_status concat(struct body *b) {
    kmodel_status status;
    struct range ry = range(b);
    uint32_t inner = kmodel_word(b), outer = kmodel_word(b), parts = kmodel_word(b);
    kmodel_check(b, parts > 0 && parts <= MOST_PARTS);
    parts = b->bad ? 0 : parts;
    struct body dims = *b;
    kmodel_take(&dims, (uint64_t)sizeof(struct range) * parts);
    uint64_t total = 0, runs = (uint64_t)inner * outer;
    for (uint32_t i = 0; i < parts; i++) {
        total += positive(&dims);
    }
    kmodel_check(b, !dims.bad && runs % unit((kmodel_type)ry.type) == 0);
    kmodel_type type = (kmodel_type)ry.type;
    struct span y = output(b, ry, type, product(runs / unit(type), total));
    struct body sizes = *b;
    kmodel_take(&sizes, (uint64_t)sizeof(struct range) * parts);
    size_t place = 0, row = (size_t)(inner * total);
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t dim = positive(&sizes);
        struct range rx = range(b);
        struct span x = input(b, rx, type, product(runs / unit(type), dim));
        kmodel_apart(b, y, x, false);
        size_t each = (size_t)inner * dim;
        for (uint32_t o = 0; !b->bad && !b->only_checked && o < outer; o++) {
            memcpy(y.at + o * row + place, x.at + o * each, each);
        }
        place += each;
    }
    kmodel_take(b, 4 * (uint64_t)parts); /* `dims`, which are read */
    kmodel_ready(b, &status);
    return status;
}

static kmodel_status memory_copy(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    kmodel_type type = (kmodel_type)(rx.type & 1);
    uint64_t n = rx.bytes / unit(type);
    struct span x = input(b, rx, type, n), y = output(b, ry, type, n);
    kmodel_apart(b, y, x, true);
    if (kmodel_ready(b, &status)) {
        memmove(y.at, x.at, x.bytes);
    }
    return status;
}

static kmodel_status pad(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    struct shape sx = shape(b), sy;
    int32_t before[AXES];
    for (int i = 0; i < AXES; i++) {
        int32_t first = kmodel_integer(b), last = kmodel_integer(b);
        int64_t kept = (int64_t)sx.size[i] + (first < 0 ? first : 0) + (last < 0 ? last : 0);
        kmodel_check(b, first >= -MOST_PAD && first <= MOST_PAD && last >= -MOST_PAD &&
                            last <= MOST_PAD && kept > 0);
        before[i] = first;
        sy.size[i] = (uint32_t)((int64_t)sx.size[i] + first + last);
    }
    kmodel_type type = (kmodel_type)choice(b, 2);
    uint32_t value = kmodel_word(b), each = unit(type);
    struct span x = input(b, rx, type, count(sx)), y = output(b, ry, type, count(sy));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    uint8_t *to = y.at;
    const uint32_t *n = sy.size;
    for (uint32_t i = 0; i < n[0]; i++) {
        for (uint32_t j = 0; j < n[1]; j++) {
            for (uint32_t k = 0; k < n[2]; k++) {
                /* Before the first element they are large numbers, and so outside too. */
                uint32_t p = i - (uint32_t)before[0], q = j - (uint32_t)before[1],
                         r = k - (uint32_t)before[2];
                bool row = p < sx.size[0] && q < sx.size[1] && r < sx.size[2];
                size_t first = (((size_t)p * sx.size[1] + q) * sx.size[2] + r) * sx.size[3];
                for (uint32_t l = 0; l < n[3]; l++, to += each) {
                    uint32_t s = l - (uint32_t)before[3];
                    bool inside = row && s < sx.size[3];
                    const void *from = inside ? (const void *)(x.at + (first + s) * each) : &value;
                    memcpy(to, from, each);
                }
            }
        }
    }
    return status;
}

static kmodel_status transpose(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    struct shape sx = shape(b);
    uint32_t perm[AXES], seen = 0;
    for (int i = 0; i < AXES; i++) {
        perm[i] = choice(b, AXES) % AXES;
        seen |= 1U << perm[i];
    }
    kmodel_check(b, seen == (1U << AXES) - 1);
    kmodel_type type = (kmodel_type)(rx.type & 1);
    struct span x = input(b, rx, type, count(sx)), y = output(b, ry, type, count(sx));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    size_t each = unit(type), of[AXES], step = each;
    for (int i = AXES - 1; i >= 0; i--) {
        of[i] = step;
        step *= sx.size[i];
    }
    uint8_t *to = y.at;
    for (uint32_t i = 0; i < sx.size[perm[0]]; i++) {
        for (uint32_t j = 0; j < sx.size[perm[1]]; j++) {
            for (uint32_t k = 0; k < sx.size[perm[2]]; k++) {
                const uint8_t *from = x.at + i * of[perm[0]] + j * of[perm[1]] + k * of[perm[2]];
                for (uint32_t l = 0; l < sx.size[perm[3]]; l++, to += each) {
                    memcpy(to, from + l * of[perm[3]], each);
                }
            }
        }
    }
    return status;
}

/* Some elements of an axis: the first, how far apart, how many. */
struct slice {
    int64_t first, step;
    uint32_t count;
};

/* As Python takes `[begin:end:step]`; the ends may be left out. */
static struct slice slice(uint32_t size, const int32_t *begin, const int32_t *end, int32_t step) {
    int64_t n = size, low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    int64_t first = step > 0 ? low : high, last = step > 0 ? high : low;
    if (begin != NULL) {
        first = *begin < 0 ? *begin + n : *begin;
        first = first < low ? low : first > high ? high : first;
    }
    if (end != NULL) {
        last = *end < 0 ? *end + n : *end;
        last = last < low ? low : last > high ? high : last;
    }
    int64_t away = step > 0 ? last - first : first - last;
    int64_t stride = step > 0 ? step : -(int64_t)step;
    return (struct slice){first, step, away > 0 ? (uint32_t)((away - 1) / stride + 1) : 0};
}

static kmodel_status strided_slice(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    struct shape sx = shape(b), sy;
    int32_t said[3][AXES];
    for (int i = 0; i < 3 * AXES; i++) {
        said[i / AXES][i % AXES] = kmodel_integer(b);
    }
    uint32_t no_begin = kmodel_word(b), no_end = kmodel_word(b);
    uint32_t others = kmodel_word(b);
    others |= kmodel_word(b);
    others |= kmodel_word(b);
    struct slice of[AXES];
    for (int i = 0; i < AXES; i++) {
        kmodel_check(b, said[2][i] != 0);
        of[i] = slice(sx.size[i], no_begin >> i & 1 ? NULL : &said[0][i],
                      no_end >> i & 1 ? NULL : &said[1][i], said[2][i] == 0 ? 1 : said[2][i]);
        sy.size[i] = of[i].count;
    }
    if (others != 0 && !b->bad) { /* axes come or go: nobody wrote down how */
        return KMODEL_UNSUPPORTED;
    }
    kmodel_type type = (kmodel_type)(rx.type & 1);
    struct span x = input(b, rx, type, count(sx)), y = output(b, ry, type, count(sy));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    uint8_t *to = y.at;
    int64_t each = unit(type);
    const uint32_t *n = sy.size, *s = sx.size;
    for (uint32_t i = 0; i < n[0]; i++) {
        for (uint32_t j = 0; j < n[1]; j++) {
            for (uint32_t k = 0; k < n[2]; k++) {
                int64_t row = (of[0].first + i * of[0].step) * s[1] + of[1].first + j * of[1].step;
                row = (row * s[2] + of[2].first + k * of[2].step) * s[3];
                for (uint32_t l = 0; l < n[3]; l++, to += each) {
                    memcpy(to, x.at + (row + of[3].first + l * of[3].step) * each, (size_t)each);
                }
            }
        }
    }
    return status;
}

static kmodel_status resize_image(struct body *b) {
    enum { BILINEAR, NEAREST, MODES };
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    struct shape sx = shape(b), sy = sx;
    sy.size[2] = positive(b);
    sy.size[3] = positive(b);
    uint32_t mode = choice(b, MODES), aligned = kmodel_word(b) & UINT8_MAX;
    kmodel_check(b, aligned <= 1);
    kmodel_type type = (kmodel_type)(rx.type & 1);
    struct span x = input(b, rx, type, count(sx)), y = output(b, ry, type, count(sy));
    kmodel_apart(b, y, x, false);
    bool whole = kmodel_ready(b, &status);
    if (status == KMODEL_OK && mode == BILINEAR && type == KMODEL_BYTE) {
        return KMODEL_UNSUPPORTED; /* nobody wrote down how it rounds */
    }
    if (!whole) {
        return status;
    }
    uint32_t h = sx.size[2], w = sx.size[3], oh = sy.size[2], ow = sy.size[3];
    size_t each = unit(type), planes = (size_t)sx.size[0] * sx.size[1];
    const uint8_t *image = x.at;
    uint8_t *to = y.at;
    for (size_t c = 0; c < planes; c++, image += (size_t)h * w * each) {
        for (uint32_t oy = 0; oy < oh; oy++) {
            float dy, dx;
            size_t y0 = kmodel_before(oy, h, oh, aligned, &dy), y1 = y0 + 1 < h ? y0 + 1 : h - 1;
            for (uint32_t ox = 0; ox < ow; ox++, to += each) {
                size_t x0 = kmodel_before(ox, w, ow, aligned, &dx);
                size_t x1 = x0 + 1 < w ? x0 + 1 : w - 1;
                if (mode == NEAREST) {
                    memcpy(to, image + (y0 * w + x0) * each, each);
                    continue;
                }
                const float *p = (const float *)(const void *)image;
                float sum = p[y0 * w + x0] * ((1 - dy) * (1 - dx));
                sum = p[y1 * w + x0] * (dy * (1 - dx)) + sum;
                sum = p[y0 * w + x1] * ((1 - dy) * dx) + sum;
                sum = p[y1 * w + x1] * (dy * dx) + sum;
                memcpy(to, &sum, sizeof sum);
            }
        }
    }
    return status;
}

/* An axis under a window. */
struct axis {
    uint32_t size, out, before, after, kernel, stride, dilation;
};

static void pads(struct body *b, struct axis *axis) {
    axis->before = kmodel_word(b);
    axis->after = kmodel_word(b);
    kmodel_check(b, axis->before <= MOST_PAD && axis->after <= MOST_PAD);
}

/* Padding, kernels, strides and dilations of rows and columns, in the order of the file. */
static void windows(struct body *b, struct axis *rows, struct axis *columns) {
    pads(b, rows);
    pads(b, columns);
    rows->kernel = positive(b);
    columns->kernel = positive(b);
    rows->stride = positive(b);
    columns->stride = positive(b);
    rows->dilation = positive(b);
    columns->dilation = positive(b);
}

static void count_steps(struct body *b, struct axis *a) {
    int64_t reach = (int64_t)(a->kernel - 1) * a->dilation + 1;
    int64_t free = (int64_t)a->size + a->before + a->after - reach;
    kmodel_check(b, free >= 0);
    a->out = free >= 0 ? (uint32_t)(free / a->stride + 1) : 0;
}

/* The element that a tap meets; `size` or more where that is padding. */
static uint32_t met(const struct axis *a, uint32_t out, uint32_t tap) {
    return out * a->stride + tap * a->dilation - a->before;
}

/* A convolution by the CPU, of floats or of bytes. */
struct conv {
    struct range rx, ry;
    struct shape x, y;
    struct axis rows, columns;
    uint32_t groups, oc, per_group;
};

static struct conv convolution(struct body *b) {
    struct conv c = {.rx = range(b)};
    c.ry = range(b);
    c.x = shape(b);
    c.groups = positive(b);
    c.oc = positive(b);
    windows(b, &c.rows, &c.columns);
    c.groups = c.groups == 0 ? 1 : c.groups;
    kmodel_check(b, c.x.size[1] % c.groups == 0 && c.oc % c.groups == 0);
    c.per_group = c.x.size[1] / c.groups;
    c.rows.size = c.x.size[2];
    c.columns.size = c.x.size[3];
    if (!b->bad) {
        count_steps(b, &c.rows);
        count_steps(b, &c.columns);
    }
    c.y = (struct shape){{c.x.size[0], c.oc, c.rows.out, c.columns.out}};
    return c;
}

static uint64_t weights_of(const struct conv *c) {
    uint64_t each = product(c->rows.kernel, c->columns.kernel);
    return product(product(c->oc, c->per_group), each);
}

static const void *taken(struct body *b, uint64_t n, uint32_t each) {
    return kmodel_take(b, n > UINT32_MAX ? UINT64_MAX : n * each);
}

static kmodel_status conv2d(struct body *b) {
    kmodel_status status;
    const struct conv c = convolution(b);
    float least = kmodel_bound(b), most = kmodel_bound(b);
    const float *weights = taken(b, weights_of(&c), sizeof(float));
    const float *bias = taken(b, c.oc, sizeof(float));
    struct span x = input(b, c.rx, KMODEL_FLOAT, count(c.x));
    struct span y = output(b, c.ry, KMODEL_FLOAT, count(c.y));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    float *to = to_floats(y);
    size_t plane = (size_t)c.rows.size * c.columns.size;
    for (uint32_t n = 0; n < c.x.size[0]; n++) {
        for (uint32_t o = 0; o < c.oc; o++) {
            uint32_t first = o / (c.oc / c.groups) * c.per_group;
            const float *image = as_floats(x) + (n * c.x.size[1] + first) * plane;
            const float *kernel =
                weights + (size_t)o * c.per_group * c.rows.kernel * c.columns.kernel;
            for (uint32_t oy = 0; oy < c.rows.out; oy++) {
                for (uint32_t ox = 0; ox < c.columns.out; ox++) {
                    float sum = bias[o];
                    const float *w = kernel;
                    for (uint32_t i = 0; i < c.per_group; i++) {
                        for (uint32_t ky = 0; ky < c.rows.kernel; ky++) {
                            uint32_t iy = met(&c.rows, oy, ky);
                            for (uint32_t kx = 0; kx < c.columns.kernel; kx++, w++) {
                                uint32_t ix = met(&c.columns, ox, kx);
                                if (iy < c.rows.size && ix < c.columns.size) {
                                    sum += image[i * plane + (size_t)iy * c.columns.size + ix] * *w;
                                }
                            }
                        }
                    }
                    *to++ = clamped(sum, least, most);
                }
            }
        }
    }
    return status;
}

static kmodel_status quantized_conv2d(struct body *b) {
    kmodel_status status;
    const struct conv c = convolution(b);
    int64_t x_offset = kmodel_integer(b), w_offset = kmodel_integer(b), mul = kmodel_integer(b);
    uint32_t down = shift(b);
    int64_t y_offset = kmodel_integer(b);
    const int32_t *bias = taken(b, c.oc, sizeof(int32_t));
    const uint8_t *weights = taken(b, weights_of(&c), 1);
    struct span x = input(b, c.rx, KMODEL_BYTE, count(c.x));
    struct span y = output(b, c.ry, KMODEL_BYTE, count(c.y));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    uint8_t *to = y.at;
    size_t plane = (size_t)c.rows.size * c.columns.size;
    for (uint32_t n = 0; n < c.x.size[0]; n++) {
        for (uint32_t o = 0; o < c.oc; o++) {
            uint32_t first = o / (c.oc / c.groups) * c.per_group;
            const uint8_t *image = x.at + (n * c.x.size[1] + first) * plane;
            const uint8_t *kernel =
                weights + (size_t)o * c.per_group * c.rows.kernel * c.columns.kernel;
            for (uint32_t oy = 0; oy < c.rows.out; oy++) {
                for (uint32_t ox = 0; ox < c.columns.out; ox++) {
                    int64_t sum = bias[o];
                    const uint8_t *w = kernel;
                    for (uint32_t i = 0; i < c.per_group; i++) {
                        for (uint32_t ky = 0; ky < c.rows.kernel; ky++) {
                            uint32_t iy = met(&c.rows, oy, ky);
                            for (uint32_t kx = 0; kx < c.columns.kernel; kx++, w++) {
                                uint32_t ix = met(&c.columns, ox, kx);
                                if (iy < c.rows.size && ix < c.columns.size) {
                                    uint8_t v = image[i * plane + (size_t)iy * c.columns.size + ix];
                                    sum =
                                        kmodel_plus(sum, kmodel_times(v + x_offset, *w + w_offset));
                                }
                            }
                        }
                    }
                    *to++ = kmodel_byte(scaled(sum, mul, down) + y_offset);
                }
            }
        }
    }
    return status;
}

static kmodel_status reduce_window(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    uint32_t op = choice(b, REDUCTIONS);
    struct shape sx = shape(b);
    struct axis rows = {.size = sx.size[2]}, columns = {.size = sx.size[3]};
    windows(b, &rows, &columns);
    float init = kmodel_bound(b), least = kmodel_bound(b), most = kmodel_bound(b);
    const struct axis *axes[] = {&rows, &columns};
    for (int i = 0; i < 2 && !b->bad; i++) {
        uint64_t reach = (uint64_t)(axes[i]->kernel - 1) * axes[i]->dilation + 1;
        kmodel_check(b, axes[i]->before < reach && axes[i]->after < reach);
    }
    if (!b->bad) {
        count_steps(b, &rows);
        count_steps(b, &columns);
    }
    const struct shape sy = {{sx.size[0], sx.size[1], rows.out, columns.out}};
    struct span x = input(b, rx, KMODEL_FLOAT, count(sx));
    struct span y = output(b, ry, KMODEL_FLOAT, count(sy));
    kmodel_apart(b, y, x, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    float *to = to_floats(y);
    const float *image = as_floats(x);
    size_t planes = (size_t)sx.size[0] * sx.size[1];
    for (size_t c = 0; c < planes; c++, image += (size_t)rows.size * columns.size) {
        for (uint32_t oy = 0; oy < rows.out; oy++) {
            for (uint32_t ox = 0; ox < columns.out; ox++) {
                float v = init, taps = 0;
                for (uint32_t ky = 0; ky < rows.kernel; ky++) {
                    uint32_t iy = met(&rows, oy, ky);
                    for (uint32_t kx = 0; kx < columns.kernel; kx++) {
                        uint32_t ix = met(&columns, ox, kx);
                        if (iy < rows.size && ix < columns.size) {
                            float p = image[(size_t)iy * columns.size + ix];
                            v = op == LEAST  ? (p < v ? p : v)
                                : op == MOST ? (p > v ? p : v)
                                             : v + p;
                            taps += 1;
                        }
                    }
                }
                *to++ = clamped(op == MEAN ? v / taps : v, least, most);
            }
        }
    }
    return status;
}

static kmodel_status matmul(struct body *b) {
    kmodel_status status;
    struct range ra = range(b), rb = range(b), ry = range(b);
    uint32_t rows = positive(b), inner = positive(b), columns = positive(b);
    float least = kmodel_bound(b), most = kmodel_bound(b);
    const float *bias = taken(b, columns, sizeof(float));
    struct span x = input(b, ra, KMODEL_FLOAT, (uint64_t)rows * inner);
    struct span w = input(b, rb, KMODEL_FLOAT, (uint64_t)inner * columns);
    struct span y = output(b, ry, KMODEL_FLOAT, (uint64_t)rows * columns);
    kmodel_apart(b, y, x, false);
    kmodel_apart(b, y, w, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    float *to = to_floats(y);
    for (uint32_t r = 0; r < rows; r++) {
        for (uint32_t j = 0; j < columns; j++) {
            const float *p = as_floats(x) + (size_t)r * inner, *q = as_floats(w) + j;
            float sum = bias[j];
            for (uint32_t i = 0; i < inner; i++, q += columns) {
                sum += p[i] * *q;
            }
            *to++ = clamped(sum, least, most);
        }
    }
    return status;
}

static kmodel_status quantized_matmul(struct body *b) {
    kmodel_status status;
    struct range ra = range(b), rb = range(b), ry = range(b);
    uint32_t rows = positive(b), inner = positive(b), columns = positive(b);
    int64_t a_offset = kmodel_integer(b), b_offset = kmodel_integer(b), mul = kmodel_integer(b);
    uint32_t down = shift(b);
    int64_t y_offset = kmodel_integer(b);
    const int32_t *bias = taken(b, columns, sizeof(int32_t));
    struct span x = input(b, ra, KMODEL_BYTE, (uint64_t)rows * inner);
    struct span w = input(b, rb, KMODEL_BYTE, (uint64_t)inner * columns);
    struct span y = output(b, ry, KMODEL_BYTE, (uint64_t)rows * columns);
    kmodel_apart(b, y, x, false);
    kmodel_apart(b, y, w, false);
    if (!kmodel_ready(b, &status)) {
        return status;
    }
    uint8_t *to = y.at;
    for (uint32_t r = 0; r < rows; r++, to += columns) {
        const uint8_t *p = x.at + (size_t)r * inner;
        int64_t rest = 0, sums[KMODEL_COLUMNS];
        for (uint32_t i = 0; i < inner; i++) {
            rest = kmodel_plus(rest, kmodel_times(p[i] + a_offset, b_offset));
        }
        for (uint32_t j = 0, done; j < columns; j += done) {
            done = kmodel_columns(p, a_offset, w.at + j, inner, columns, columns - j, sums);
            for (uint32_t c = 0; c < done; c++) {
                int64_t sum = kmodel_plus(bias[j + c], kmodel_plus(sums[c], rest));
                to[j + c] = kmodel_byte(scaled(sum, mul, down) + y_offset);
            }
        }
    }
    return status;
}

static kmodel_status upload(struct body *b) {
    kmodel_status status;
    struct range rx = range(b), ry = range(b);
    struct shape s = shape(b);
    const struct map map = kmodel_map(s.size[3], s.size[2], s.size[1]);
    uint64_t pixels = product(s.size[2], s.size[3]);
    kmodel_check(b, s.size[0] == 1 && pixels <= KPU_RAM_BYTES && ry.memory == KPU_MEMORY &&
                        ry.start % KPU_LINE == 0 && ry.bytes == kmodel_map_bytes(&map));
    struct span x = input(b, rx, KMODEL_BYTE, count(s));
    struct span y = kmodel_map_span(b, &map, ry.start / KPU_LINE);
    if (kmodel_ready(b, &status)) {
        kmodel_upload(&map, y.at, x.at, 1, (size_t)pixels);
    }
    return status;
}

/* Goes on behind a gap, whose length a register says, to the next multiple of 256. */
static void skip(struct body *b, uint64_t word) {
    kmodel_check(b, word >> 32 == (-b->at & (KPU_ALIGN - 1)));
    kmodel_align(b, KPU_ALIGN);
}

static kmodel_status convolve(struct body *b) {
    enum { TABLE_BYTES = 144 };
    struct range copy = range(b);
    int32_t batches = kmodel_integer(b);
    kmodel_word(b);
    struct convolution conv;
    kmodel_status status = kmodel_registers(b, &conv, copy.bytes > 0);
    if (status == KMODEL_DAMAGED) {
        return status;
    }
    status = batches == 1 ? status : KMODEL_UNSUPPORTED;
    kmodel_check(b, (conv.words[11] & 1) == (copy.bytes > 0));
    skip(b, conv.words[4]);
    const uint64_t *norms = kmodel_take(b, 8 * (uint64_t)conv.y.channels);
    skip(b, conv.words[7]);
    const void *table = kmodel_take(b, TABLE_BYTES);
    skip(b, conv.words[5]);
    const void *weights = kmodel_take(b, kmodel_weight_bytes(&conv, true));
    if (b->only_checked && norms != NULL) {
        kmodel_check(b, kmodel_norms_fit(norms, conv.y.channels));
    }
    uint64_t source = conv.words[1] & 0x7fff, target = conv.words[1] >> 32 & 0x7fff;
    struct span x = kmodel_map_span(b, &conv.x, (uint32_t)source);
    struct span y = kmodel_map_span(b, &conv.y, (uint32_t)target), to = {0};
    kmodel_apart(b, y, x, false);
    if (copy.bytes > 0) {
        const struct shape s = {{1, conv.y.channels, conv.y.height, conv.y.width}};
        to = output(b, copy, KMODEL_BYTE, count(s));
    }
    kmodel_status whole;
    if (!kmodel_ready(b, &whole)) {
        return whole == KMODEL_OK ? status : whole;
    }
    return kmodel_convolve(&conv, weights, norms, table, to);
}

kmodel_layer kmodel_layer4(uint32_t type) {
    static const kmodel_layer LAYERS[] = {
        [0x00] = binary,           [0x01] = concat,           [0x02] = conv2d,
        [0x03] = dequantize,       [0x04] = matmul,           [0x05] = pad,
        [0x06] = quantize,         [0x07] = reduce,           [0x08] = reduce_window,
        [0x09] = memory_copy,      [0x0a] = resize_image,     [0x0b] = softmax,
        [0x0c] = transpose,        [0x0d] = strided_slice,    [0x0e] = unary,
        [0x0f] = quantized_conv2d, [0x10] = quantized_matmul, [0x11] = quantized_binary,
        [0x12] = table_lookup,     [0x13] = unsupported,      [0x14] = unsupported,
    };
    static const kmodel_layer KPU[] = {upload, convolve};
    enum { FIRST_OF_KPU = 0x2001 };
    if (type - FIRST_OF_KPU < sizeof KPU / sizeof *KPU) {
        return KPU[type - FIRST_OF_KPU];
    }
    return type < sizeof LAYERS / sizeof *LAYERS ? LAYERS[type] : NULL;
}
