// SPDX-License-Identifier: MIT
/* limits.h - limits of an lp64 or ilp32 kernel; gcc's own <limits.h> includes the C library's. */
#ifndef HOST_LIMITS_H
#define HOST_LIMITS_H

#define CHAR_BIT  8
#define INT_MAX   __INT_MAX__
#define INT_MIN   (-INT_MAX - 1)
#define UINT_MAX  (2U * INT_MAX + 1)
#define LONG_MAX  __LONG_MAX__
#define LONG_MIN  (-LONG_MAX - 1L)
#define ULONG_MAX (2UL * LONG_MAX + 1)

#endif
