/*
 * glibc's <features.h>, which <stdint.h> and other headers of the C library include, does not know the BPF target and
 * asks for this file of a 32-bit C library. It would name functions that are not to be called; no BPF program calls any.
 */
