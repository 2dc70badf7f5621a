/* What the parts of the harness share: the network, the report, the status codes, files and board.
 */
#ifndef ASCUA_HARNESS_H
#define ASCUA_HARNESS_H

#include <stdint.h>

/* The network under test, as network.c takes it from the header of the generated library. */
struct network {
    void *(*input)(int index);
    void *(*output)(int index);
    int32_t (*input_bytes)(int index);
    int32_t (*output_bytes)(int index);
    void (*run)(void);
    void *(*states)(void); /* what a run leaves for the next one: 0 where nothing */
    int32_t inputs;
    int32_t outputs;
    int32_t state_bytes;
};
extern const struct network network;

/* Where the samples come from. */
extern int32_t input_file;

/* How a run ended: the exit status of the firmware, and `status` in the report. */
enum status {
    STATUS_OK = 0,
    STATUS_NO_INPUT = 65,    /* input.bin cannot be opened */
    STATUS_NO_OUTPUT = 66,   /* output.bin cannot be opened or written */
    STATUS_SHORT_INPUT = 67, /* input.bin ends within a sample, or states.bin too early */
    STATUS_STACK = 68,       /* the stack grew into the variables, or to the end of its memory */
    STATUS_HARD_FAULT = 70,
    STATUS_MEMORY_FAULT = 71,
    STATUS_BUS_FAULT = 72,
    STATUS_USAGE_FAULT = 73,
    STATUS_SECURE_FAULT = 74,
    STATUS_UNDEFINED = 75,
    STATUS_PREFETCH_ABORT = 76,
    STATUS_DATA_ABORT = 77,
    STATUS_INTERRUPT = 78, /* an exception that nobody has asked for */
};

/* The file report.bin, little endian; run/report.py reads it. */
struct report {
    uint32_t status;
    uint32_t samples;
    uint32_t stack_bytes;       /* of the first inference; 0 where it is not measured */
    uint32_t spin_instructions; /* executed within spin_ticks: the timer's scale */
    uint64_t spin_ticks;
    uint64_t ticks;         /* of all inferences together; 0 where there is no timer */
    uint32_t fault_pc;      /* where the fault happened; 0 for none */
    uint32_t fault_address; /* what it accessed; 0 where the core does not tell */
};

/* Writes `report` to report.bin. */
void write_report(const struct report *report);

/* Files: `handle` is 0 or more; read and write answer the number of bytes not transferred. */
int32_t io_open_read(const char *path);
int32_t io_open_write(const char *path);
int32_t io_read(int32_t handle, void *to, int32_t bytes);
int32_t io_write(int32_t handle, const void *from, int32_t bytes);
void io_close(int32_t handle);
_Noreturn void io_exit(int status);

/* Runs one inference; adds its time to the report and, with `paint`, measures its stack. */
void board_infer(struct report *report, int paint);
/* Fills in spin_instructions and spin_ticks. */
void board_spin(struct report *report);

#endif
