/* What kernels include whose arithmetic needs an int of 32 bits and a double of 64. */
#ifndef ASCUA_INT32_H
#define ASCUA_INT32_H

_Static_assert(sizeof(int) >= 4 && sizeof(double) >= 8,
               "this kernel needs an int of 32 bits and a double of 64: name the board that the "
               "library is for, as in ascua compile --board mega2560");

#endif
