/* A KPU in C: what the chip's computes, from its registers and its memory.
 *
 * A layer is a convolution, a normalisation of each channel, a table of 16 straight pieces that
 * makes bytes, and a pool. Sums are of 64 bits, and wrap around.
 */
#include "kpu.h"

#include <stddef.h>
#include <string.h>

enum { MOST_WIDTH = 1024, PIECES = 16, TOP_SHIFT = 63 };

#ifdef KPU_RAM
static uint8_t *const ram = (uint8_t *)(uintptr_t)(KPU_RAM);
#else
static _Alignas(KPU_ALIGN) uint8_t ram[KPU_RAM_BYTES];
#endif
static const uint8_t *parameters; /* addresses in registers count from here */
static int rounds_half_to_even;
static uint32_t weight_bytes;

/* A feature map in the KPU's memory: `group` channels share a line of it. */
struct map {
    uint8_t *first;
    uint32_t width, height, channels;
    uint32_t row, channel, group; /* bytes of a row, and of a group of channels */
};

struct piece {
    int64_t start, slope, bias;
    uint32_t shift;
};

/* What a pool makes of `size` x `size` bytes; it looks at every `stride`-th row and column. */
struct pool {
    uint32_t size, stride;
    enum { KEEP, LARGEST, MEAN } what;
    uint32_t left; /* of those that keep one: its column */
};

static const struct pool POOLS[] = {
    {1, 1, KEEP, 0}, {2, 2, LARGEST, 0}, {2, 2, MEAN, 0}, {4, 4, LARGEST, 0}, {4, 4, MEAN, 0},
    {1, 2, KEEP, 0}, {1, 2, KEEP, 1},    {1, 4, KEEP, 0}, {2, 1, MEAN, 0},    {2, 1, LARGEST, 0},
};

struct layer {
    struct map x, y;
    const struct pool *pool;
    bool depthwise, folded; /* `folded`: the weights' zero point is added to each weight */
    uint32_t kernel, pad;
    const uint8_t *weights;
    const uint64_t *norms;
    struct piece pieces[PIECES];
    int64_t arg_x, arg_w, arg_add;
    uint32_t shr_x, shr_w;
};

uint8_t *kpu_ram(void) {
    return ram;
}

void *kpu_uncached(void *at) {
    return at;
}

void kpu_load(const void *file, uint32_t bytes) {
    (void)file;
    (void)bytes;
}

uint32_t kpu_address(const void *at) {
    return (uint32_t)((const uint8_t *)at - parameters);
}

void kpu_begin(const void *file, int version, bool eight_bit) {
    parameters = file;
    rounds_half_to_even = version == 4;
    weight_bytes = eight_bit ? 1 : 2;
}

static uint32_t field(uint64_t word, unsigned low, unsigned high) {
    return (uint32_t)(word >> low & ((UINT64_C(1) << (high - low + 1)) - 1));
}

static int64_t signed_field(uint64_t word, unsigned low, unsigned bits) {
    return (int64_t)(word << (64 - low - bits)) >> (64 - bits);
}

static struct map map_of(uint64_t address, uint64_t size, uint32_t channels, uint64_t steps) {
    return (struct map){
        .first = ram + (size_t)KPU_LINE * field(address, 0, 14),
        .width = field(size, 0, 9) + 1,
        .height = field(size, 10, 18) + 1,
        .channels = channels,
        .channel = KPU_LINE * field(steps, 0, 14),
        .row = KPU_LINE * field(steps, 16, 19),
    };
}

static uint8_t *row_of(const struct map *map, uint32_t channel, uint32_t y) {
    return map->first + (size_t)(channel / map->group) * map->channel +
           (size_t)(channel % map->group) * (KPU_LINE / map->group) + (size_t)y * map->row;
}

static struct layer decoded(const uint64_t *w) {
    struct layer k = {
        .x = map_of(w[1], w[3], field(w[2], 0, 9) + 1, w[7]),
        .y = map_of(w[1] >> 32, w[3] >> 32, field(w[2], 32, 41) + 1, w[8]),
        .pool = &POOLS[field(w[4], 4, 7)],
        .depthwise = field(w[0], 3, 3),
        .kernel = field(w[4], 0, 2) == 0 ? 1 : 3,
        .pad = field(w[4], 24, 31),
        .norms = (const uint64_t *)(const void *)(parameters + (w[4] >> 32)),
        .weights = parameters + (w[5] >> 32),
        .shr_w = field(w[9], 0, 3),
        .shr_x = field(w[9], 4, 7),
        .arg_w = signed_field(w[9], 8, 24),
        .arg_x = signed_field(w[9], 32, 24),
        .arg_add = signed_field(w[10], 0, 40),
    };
    k.x.group = field(w[7], 28, 30);
    k.y.group = field(w[8], 20, 22);
    k.folded = (k.arg_x & ((INT64_C(1) << k.shr_x) - 1)) == 0;
    const uint64_t *table = (const uint64_t *)(const void *)(parameters + (w[7] >> 32));
    const uint8_t *bias = (const uint8_t *)(table + PIECES);
    for (int i = 0; i < PIECES; i++) {
        k.pieces[i] = (struct piece){
            .shift = field(table[i], 0, 7),
            .slope = signed_field(table[i], 8, 16),
            .start = signed_field(table[i], 24, 36),
            .bias = bias[i],
        };
    }
    return k;
}

static int64_t wrapped(uint64_t value) {
    return (int64_t)value;
}

static int64_t times(int64_t a, int64_t b) {
    return wrapped((uint64_t)a * (uint64_t)b);
}

static int64_t plus(int64_t a, int64_t b) {
    return wrapped((uint64_t)a + (uint64_t)b);
}

static uint32_t at_most(uint32_t value, uint32_t most) {
    return value < most ? value : most;
}

/* Halves up where x >= 0; a negative number goes one down where the bit below its floor is set. */
static int64_t half_up(int64_t x, uint32_t shift) {
    int64_t last = shift > 0 ? x >> at_most(shift - 1, TOP_SHIFT) & 1 : 0;
    return (x >> at_most(shift, TOP_SHIFT)) + (x < 0 ? -last : last);
}

/* Halves to the even neighbour where x >= 0; a negative number that is rounded goes one down. */
static int64_t half_even(int64_t x, uint32_t shift) {
    if (shift > TOP_SHIFT) {
        return x < 0 ? -2 : 0;
    }
    int64_t y = x >> shift;
    if (shift == 0) {
        return y;
    }
    uint64_t half = UINT64_C(1) << (shift - 1);
    uint64_t rest = (uint64_t)x & (2 * half - 1);
    int up = rest > half || (rest == half && (y & 1) != 0);
    return y + (x < 0 ? -up : up);
}

/* The last piece that begins at or before t, or, where halves go to even, before it; or the first.
 */
static const struct piece *piece_of(const struct layer *k, int64_t t) {
    int i = PIECES - 1;
    int64_t limit = rounds_half_to_even ? plus(t, -1) : t;
    while (i > 0 && k->pieces[i].start > limit) {
        i--;
    }
    return &k->pieces[i];
}

static uint8_t byte_of(const struct layer *k, uint64_t norm, int64_t sum) {
    int64_t scaled = times(sum, signed_field(norm, 0, 24)) >> field(norm, 56, 59);
    int64_t t = plus(scaled, signed_field(norm, 24, 32));
    const struct piece *p = piece_of(k, t);
    int64_t product = times(plus(t, -p->start), p->slope);
    int64_t y = rounds_half_to_even ? half_even(product, p->shift) : half_up(product, p->shift);
    y = plus(y, p->bias);
    return (uint8_t)(y < 0 ? 0 : y > 255 ? 255 : y);
}

static int64_t weight(const struct layer *k, size_t index) {
    const uint8_t *w = k->weights + index * weight_bytes;
    return weight_bytes == 1 ? w[0] : w[0] | w[1] << 8;
}

/* Adds `w` times the pixels that lie `step` apart from column `first` on; `pad` beside the row. */
static void add(int64_t *sums, uint32_t count, const uint8_t *row, uint32_t width, int32_t first,
                uint32_t step, int64_t w, int64_t pad) {
    uint32_t i = 0, end = count;
    int32_t at = first;
    if (at < 0) {
        sums[i++] += w * pad;
        at += (int32_t)step;
    }
    while (end > i && (uint32_t)at + step * (end - 1 - i) >= width) {
        sums[--end] += w * pad;
    }
    for (; i < end; i++, at += (int32_t)step) {
        sums[i] += w * row[at];
    }
}

/* Adds up row y of an output channel: products, and in `ones` the pixels alone, where it is not
 * NULL. Columns are those that the pool looks at. */
static void sum_row(const struct layer *k, uint32_t channel, int32_t y, int64_t *sums,
                    int64_t *ones, uint32_t count) {
    const struct pool *pool = k->pool;
    uint32_t step = pool->what == KEEP ? pool->stride : 1, ic = k->depthwise ? 1 : k->x.channels;
    int32_t reach = (int32_t)k->kernel / 2;
    int64_t zero = k->folded ? k->arg_x >> k->shr_x : 0;
    size_t index = (size_t)channel * ic * k->kernel * k->kernel;
    for (uint32_t i = 0; i < ic; i++) {
        for (int32_t dy = -reach; dy <= reach; dy++) {
            int32_t from = y + dy;
            bool inside = from >= 0 && from < (int32_t)k->x.height;
            uint32_t source = k->depthwise ? channel : i;
            const uint8_t *row = inside ? row_of(&k->x, source, (uint32_t)from) : NULL;
            for (int32_t dx = -reach; dx <= reach; dx++, index++) {
                int64_t w = weight(k, index) + zero;
                int32_t first = (int32_t)pool->left + dx;
                if (inside) {
                    add(sums, count, row, k->x.width, first, step, w, k->pad);
                } else {
                    for (uint32_t x = 0; x < count; x++) {
                        sums[x] += w * k->pad;
                    }
                }
                if (ones != NULL && inside) {
                    add(ones, count, row, k->x.width, first, step, 1, k->pad);
                } else if (ones != NULL) {
                    for (uint32_t x = 0; x < count; x++) {
                        ones[x] += k->pad;
                    }
                }
            }
        }
    }
}

/* Row y of an output channel before the pool, of the columns that it looks at. */
static void make_row(const struct layer *k, uint32_t channel, uint32_t y, int64_t constant,
                     uint8_t *made, uint32_t count) {
    static int64_t sums[MOST_WIDTH], ones[MOST_WIDTH];
    for (uint32_t x = 0; x < count; x++) {
        sums[x] = constant;
        ones[x] = 0;
    }
    sum_row(k, channel, (int32_t)y, sums, k->folded ? NULL : ones, count);
    for (uint32_t x = 0; x < count; x++) {
        int64_t sum = k->folded ? sums[x] : sums[x] + (k->arg_x * ones[x] >> k->shr_x);
        made[x] = byte_of(k, k->norms[channel], sum);
    }
}

/* What no pixel changes of a channel's sums. */
static int64_t constant_of(const struct layer *k, uint32_t channel) {
    uint32_t ic = k->depthwise ? 1 : k->x.channels;
    size_t taps = (size_t)ic * k->kernel * k->kernel;
    int64_t sum = 0;
    for (size_t i = 0; i < taps; i++) {
        sum += weight(k, channel * taps + i);
    }
    return (k->arg_w * sum >> k->shr_w) + k->arg_add * ic;
}

static void pool_row(const struct layer *k, uint8_t rows[4][MOST_WIDTH], uint32_t width,
                     uint8_t *out) {
    const struct pool *pool = k->pool;
    if (pool->what == KEEP) {
        memcpy(out, rows[0], width);
        return;
    }
    for (uint32_t x = 0; x < k->y.width; x++) {
        uint32_t sum = 0, largest = 0;
        for (uint32_t dy = 0; dy < pool->size; dy++) {
            for (uint32_t dx = 0; dx < pool->size; dx++) {
                uint8_t v = rows[dy][at_most(x * pool->stride + dx, width - 1)];
                sum += v;
                largest = v > largest ? v : largest;
            }
        }
        out[x] = (uint8_t)(pool->what == MEAN ? sum / (pool->size * pool->size) : largest);
    }
}

void kpu_push(const uint64_t words[KPU_WORDS], uint8_t *out, uint32_t bytes) {
    static uint8_t rows[4][MOST_WIDTH];
    const struct layer k = decoded(words);
    const struct pool *pool = k.pool;
    uint32_t count = pool->what == KEEP ? k.y.width : k.x.width;
    for (uint32_t c = 0; c < k.y.channels; c++) {
        int64_t constant = constant_of(&k, c);
        for (uint32_t y = 0; y < k.y.height; y++) {
            for (uint32_t dy = 0; dy < pool->size; dy++) {
                uint32_t from = at_most(y * pool->stride + dy, k.x.height - 1);
                make_row(&k, c, from, constant, rows[dy], count);
            }
            pool_row(&k, rows, count, row_of(&k.y, c, y));
            if (out != NULL && bytes >= k.y.width) {
                memcpy(out, row_of(&k.y, c, y), k.y.width);
                out += k.y.width;
                bytes -= k.y.width;
            }
        }
    }
}

bool kpu_wait(void) {
    return true;
}
