/* The generated library as a table, so that main.c is the same object code for every network.
 * The command line names the header, the functions, and the numbers of inputs and outputs.
 */
#include NETWORK_HEADER
#include "harness.h"

/* Copies what is to lie in other memories than it is kept in. */
static void load(void) {
#ifdef NETWORK_LOAD
    NETWORK_LOAD();
#endif
}

const struct network network = {
    .input = NETWORK_INPUT,
    .output = NETWORK_OUTPUT,
    .input_bytes = NETWORK_INPUT_BYTES,
    .output_bytes = NETWORK_OUTPUT_BYTES,
    .run = NETWORK_RUN,
    .load = load,
#ifdef NETWORK_STATES
    .states = NETWORK_STATES,
    .state_bytes = NETWORK_BYTES_OF_STATES,
#endif
    .inputs = NETWORK_INPUT_COUNT,
    .outputs = NETWORK_OUTPUT_COUNT,
};
