// SPDX-License-Identifier: GPL-2.0
/* The same program, but it never wakes who reads the ring: what waking costs is the difference. */
#define SUBMIT_FLAGS BPF_RB_NO_WAKEUP
#include "stream.bpf.c"
