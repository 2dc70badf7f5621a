/* Runs kmodels, versions 3 and 4, on a K210: the KPU's layers there, the others on this core.
 *
 *     static _Alignas(8) uint8_t work[WORK_BYTES];
 *     kmodel_t net;
 *     if (kmodel_open(&net, file, sizeof file, work, sizeof work) == KMODEL_OK &&
 *         kmodel_set_input(&net, 0, pixels, KMODEL_PIXELS) == KMODEL_OK &&
 *         kmodel_run(&net) == KMODEL_OK) {
 *         const float *scores = kmodel_output(&net, 0);
 *     }
 *
 * No memory is allocated. The file lies at a multiple of KPU_ALIGN bytes, in memory that the KPU
 * reads, and stays there; the workspace at a multiple of eight.
 */
#ifndef KMODEL_H
#define KMODEL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    KMODEL_OK = 0,
    KMODEL_NOT_ONE,     /* it does not begin as a kmodel does */
    KMODEL_VERSION,     /* of another version, or for another chip */
    KMODEL_DAMAGED,     /* it contradicts itself, or leaves its memories: `layer` says where */
    KMODEL_UNSUPPORTED, /* a layer that this runtime does not execute: `layer` says which */
    KMODEL_ALIGNMENT,   /* the file or the workspace begins at no such multiple */
    KMODEL_WORKSPACE,   /* the workspace is smaller than `kmodel_work_bytes` */
    KMODEL_NO_INPUT,    /* no input or output has this number */
    KMODEL_KPU,         /* the KPU did not answer */
} kmodel_status;

/* In which order the values of an image come. */
typedef enum {
    KMODEL_PIXELS, /* red, green and blue of a pixel side by side: rows, columns, channels */
    KMODEL_PLANES, /* channels, rows, columns */
} kmodel_order;

typedef enum { KMODEL_FLOAT, KMODEL_BYTE } kmodel_type;

/* An open kmodel. Read what is of use; only functions write it. */
typedef struct {
    const uint8_t *file;
    uint8_t *work;
    const uint8_t *constants;
    uint32_t bytes, constant_bytes;
    uint32_t version, layers, inputs, outputs;
    uint32_t main_bytes; /* of the workspace that layers use */
    uint32_t layer;      /* which comes next; or where an error was found */
    uint32_t at;         /* where its body begins in the file */
    bool eight_bit;
} kmodel_t;

/* What an input or an output is; outputs have only a `count`. */
typedef struct {
    kmodel_type type;
    uint32_t channels, height, width, count;
} kmodel_shape;

/* The bytes of workspace that the file asks for, in whole words; 0 for what is no kmodel. */
uint32_t kmodel_work_bytes(const void *file, uint32_t bytes);

/* Opens a file and checks all of it, so that no later call leaves a memory that it was given. */
kmodel_status kmodel_open(kmodel_t *net, const void *file, uint32_t bytes, void *work,
                          uint32_t work_bytes);

kmodel_status kmodel_input_shape(const kmodel_t *net, uint32_t input, kmodel_shape *shape);
kmodel_status kmodel_output_shape(const kmodel_t *net, uint32_t output, kmodel_shape *shape);

/* Puts a sample where the network finds it. */
kmodel_status kmodel_set_input(kmodel_t *net, uint32_t input, const void *values,
                               kmodel_order order);

/* Runs all layers. */
kmodel_status kmodel_run(kmodel_t *net);

/* Or one after the other: `begin`, then as many steps as there are layers. */
kmodel_status kmodel_begin(kmodel_t *net);
kmodel_status kmodel_step(kmodel_t *net);

/* What the last run gave: floats or bytes; NULL where there is no such output. */
const void *kmodel_output(const kmodel_t *net, uint32_t output);

/* An error in words. */
const char *kmodel_said(kmodel_status status);

#endif
