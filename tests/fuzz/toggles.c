// SPDX-License-Identifier: MIT
/*
 * toggles.c - fuzz target: like ioctl.c, but most toggles have another value, and the VM has dirty
 * rings, a PMU, FP and vector units.
 */
#define MACHINE ANY_OTHER
#include "ioctl.c"
