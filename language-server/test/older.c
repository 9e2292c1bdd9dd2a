// The same kernel some years before: what programs for several hosts have to do without.
#define OLDER
#include "kernel.c"
