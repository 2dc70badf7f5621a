/* The generated library as a table, so that main.c is the same object code for every network.
 * The command line names the header, the functions, and the numbers of inputs and outputs.
 */
#include NETWORK_HEADER
#include "harness.h"

#ifdef NETWORK_INVOKE_ROWS
/* A network that asks for its input row by row: main.c reads the first row of a sample. */
#include <string.h>

static _Alignas(4) int8_t first_row[(NETWORK_ROW_BYTES + 3) / 4 * 4];

static void *place_of_row(int index) {
    (void)index;
    return first_row;
}

static int32_t row_bytes(int index) {
    (void)index;
    return NETWORK_ROW_BYTES;
}

static int32_t next_row(void *context, int32_t y, NETWORK_ROW_TYPE *to) {
    (void)context;
    if (y > 0) {
        return io_read(input_file, to, NETWORK_ROW_BYTES);
    }
    memcpy(to, first_row, NETWORK_ROW_BYTES);
    return 0;
}

static void run_rows(void) {
    NETWORK_INVOKE_ROWS(next_row, 0 NETWORK_ROW_OUT);
}

#define NETWORK_INPUT place_of_row
#define NETWORK_INPUT_BYTES row_bytes
#define NETWORK_RUN run_rows
#endif

#ifdef NETWORK_LOAD
/* Parts of it lie in other memories than they are kept in: they are there when an input is. */
static void *load_and_find(int index) {
    static int loaded;
    if (!loaded) {
        NETWORK_LOAD();
        loaded = 1;
    }
    return NETWORK_INPUT(index);
}
#define INPUT load_and_find
#else
#define INPUT NETWORK_INPUT
#endif

const struct network network = {
    .input = INPUT,
    .output = NETWORK_OUTPUT,
    .input_bytes = NETWORK_INPUT_BYTES,
    .output_bytes = NETWORK_OUTPUT_BYTES,
    .run = NETWORK_RUN,
#ifdef NETWORK_STATES
    .states = NETWORK_STATES,
    .state_bytes = NETWORK_BYTES_OF_STATES,
#endif
    .inputs = NETWORK_INPUT_COUNT,
    .outputs = NETWORK_OUTPUT_COUNT,
};
