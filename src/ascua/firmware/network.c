/* The generated library as a table, so that main.c is the same object code for every network.
 * The command line gives NETWORK_HEADER ("m.h"), NETWORK (m), NETWORK_INPUTS and NETWORK_OUTPUTS.
 */
#include NETWORK_HEADER
#include "harness.h"

#define JOIN(a, b) a##_##b
#define OF(network, function) JOIN(network, function)

const struct network network = {
    .input = OF(NETWORK, input),
    .output = OF(NETWORK, output),
    .input_bytes = OF(NETWORK, input_bytes),
    .output_bytes = OF(NETWORK, output_bytes),
    .run = OF(NETWORK, run),
    .inputs = NETWORK_INPUTS,
    .outputs = NETWORK_OUTPUTS,
};
