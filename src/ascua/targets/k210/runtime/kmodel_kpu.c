/* What both versions have in common: layers of the KPU, and maps in its memory. */
#include "kmodel_layer.h"

#include <string.h>

enum { KERNEL_LOAD_8 = 30 << 10, KERNEL_LOAD_16 = 60 << 10, POOLS = 10 };

struct map kmodel_map(uint32_t width, uint32_t height, uint32_t channels) {
    return (struct map){
        .width = width,
        .height = height,
        .channels = channels,
        .group = width <= 16   ? 4
                 : width <= 32 ? 2
                               : 1,
        .row_lines = (width + KPU_LINE - 1) / KPU_LINE,
    };
}

uint64_t kmodel_map_bytes(const struct map *map) {
    uint64_t groups = ((uint64_t)map->channels + map->group - 1) / map->group;
    return groups * map->row_lines * map->height * KPU_LINE;
}

struct span kmodel_map_span(struct body *body, const struct map *map, uint32_t line) {
    uint64_t start = (uint64_t)line * KPU_LINE;
    kmodel_check(body, start < KPU_RAM_BYTES);
    return kmodel_span(body, KPU_MEMORY, body->bad ? 0 : (uint32_t)start, kmodel_map_bytes(map), 1);
}

void kmodel_upload(const struct map *map, uint8_t *to, const uint8_t *from, size_t step,
                   size_t plane) {
    size_t row = (size_t)map->row_lines * KPU_LINE;
    for (uint32_t c = 0; c < map->channels; c++) {
        uint8_t *at = to + c / map->group * row * map->height +
                      (size_t)(c % map->group) * (KPU_LINE / map->group);
        const uint8_t *value = from + c * plane;
        for (uint32_t y = 0; y < map->height; y++, at += row) {
            for (uint32_t x = 0; x < map->width; x++, value += step) {
                at[x] = *value;
            }
        }
    }
}

/* And back: the map's bytes, channel by channel. */
static void download(const struct map *map, const uint8_t *from, uint8_t *to) {
    size_t row = (size_t)map->row_lines * KPU_LINE;
    for (uint32_t c = 0; c < map->channels; c++) {
        const uint8_t *at = from + c / map->group * row * map->height +
                            (size_t)(c % map->group) * (KPU_LINE / map->group);
        for (uint32_t y = 0; y < map->height; y++, at += row, to += map->width) {
            memcpy(to, at, map->width);
        }
    }
}

static uint32_t field(uint64_t word, unsigned low, unsigned high) {
    return (uint32_t)(word >> low & ((UINT64_C(1) << (high - low + 1)) - 1));
}

uint64_t kmodel_weight_bytes(const struct convolution *conv, bool eight_bit) {
    uint64_t each = (uint64_t)conv->kernel * conv->kernel * (eight_bit ? 1 : 2);
    return conv->y.channels * each * (conv->depthwise ? 1 : conv->x.channels);
}

/* Whether the loads of the weights are those that they need. */
static bool loads_fit(const struct convolution *conv, bool eight_bit) {
    uint32_t oc = conv->y.channels;
    uint32_t each = (uint32_t)(kmodel_weight_bytes(conv, eight_bit) / oc);
    uint32_t a_load = field(conv->words[2], 48, 57) + 1;
    uint32_t room = (eight_bit ? KERNEL_LOAD_8 : KERNEL_LOAD_16) / each;
    if (conv->depthwise ? a_load != oc : a_load > oc || a_load > room) {
        return false;
    }
    uint32_t loads = (oc + a_load - 1) / a_load;
    return field(conv->words[5], 15, 31) == a_load * each &&
           field(conv->words[5], 1, 6) == loads - 1;
}

/* Whether the registers of a map are those of its size. */
static bool steps_fit(const struct map *map, uint64_t word, unsigned group) {
    return field(word, 16, 19) == map->row_lines &&
           field(word, 0, 14) == map->row_lines * map->height &&
           field(word, group, group + 2) == map->group;
}

kmodel_status kmodel_registers(struct body *body, struct convolution *conv, bool copied) {
    static const uint8_t STRIDES[POOLS] = {1, 2, 2, 4, 4, 2, 2, 4, 1, 1};
    const void *from = kmodel_take(body, sizeof conv->words);
    if (from == NULL) {
        return KMODEL_DAMAGED;
    }
    uint64_t *w = memcpy(conv->words, from, sizeof conv->words);
    uint32_t pool = field(w[4], 4, 7), kernel = field(w[4], 0, 2);
    conv->depthwise = field(w[0], 3, 3);
    conv->kernel = kernel == 0 ? 1 : 3;
    conv->x = kmodel_map(field(w[3], 0, 9) + 1, field(w[3], 10, 18) + 1, field(w[2], 0, 9) + 1);
    conv->y = kmodel_map(field(w[3], 32, 41) + 1, field(w[3], 42, 50) + 1, field(w[2], 32, 41) + 1);
    if (!body->only_checked) {
        return KMODEL_OK;
    }
    const struct map *x = &conv->x, *y = &conv->y;
    if (pool >= POOLS || kernel > 1 || (conv->depthwise && x->channels != y->channels)) {
        return KMODEL_DAMAGED;
    }
    uint32_t stride = STRIDES[pool], pixels = y->width * y->height;
    bool fits = x->width / stride == y->width && x->height / stride == y->height &&
                steps_fit(x, w[7], 28) && steps_fit(y, w[8], 20) &&
                loads_fit(conv, body->net->eight_bit);
    if (copied) {
        fits = fits && field(w[11], 16, 31) == pixels - 1 &&
               field(w[11], 32, 63) == pixels * y->channels - 1;
    }
    if (!fits) {
        return KMODEL_DAMAGED;
    }
    /* What nobody wrote down: fields that compilers leave at 0 or at 1, sizes that they refuse. */
    bool known = field(w[0], 1, 2) == 0 && field(w[4], 3, 3) == 0 && field(w[4], 8, 9) == 0 &&
                 field(w[6], 0, 15) == 0 && field(w[7], 20, 27) == 0 && field(w[4], 10, 10) &&
                 field(w[5], 0, 0) && field(w[7], 31, 31);
    known = known && x->width >= 4 && x->width <= 512 && x->height >= 4 && x->height <= 256 &&
            !(conv->depthwise && pool != 0);
    return known ? KMODEL_OK : KMODEL_UNSUPPORTED;
}

bool kmodel_norms_fit(const uint64_t *norms, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (norms[i] >> 60 != 0) {
            return false;
        }
    }
    return true;
}

kmodel_status kmodel_convolve(const struct convolution *conv, const void *weights,
                              const void *norms, const void *table, struct span copied) {
    enum { ADDRESS = 32 };
    const uint64_t low = UINT32_MAX;
    uint64_t words[KPU_WORDS];
    memcpy(words, conv->words, sizeof words);
    words[4] = (words[4] & low) | (uint64_t)kpu_address(norms) << ADDRESS;
    words[5] = (words[5] & low) | (uint64_t)kpu_address(weights) << ADDRESS;
    words[7] = (words[7] & low) | (uint64_t)kpu_address(table) << ADDRESS;
    /* The DMA writes whole words: what does not lie so is copied. */
    bool in_words = ((uintptr_t)copied.at | copied.bytes) % sizeof(uint64_t) == 0;
    kpu_push(words, in_words ? copied.at : NULL, (uint32_t)copied.bytes);
    if (!kpu_wait()) {
        return KMODEL_KPU;
    }
    if (copied.at != NULL && !in_words) {
        download(&conv->y, kpu_ram() + (size_t)KPU_LINE * field(words[1], 32, 46), copied.at);
    }
    return KMODEL_OK;
}
