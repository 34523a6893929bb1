// SPDX-License-Identifier: MIT
/* shortage.h - a shortage of memory on request, for tests. */
#ifndef HOST_SHORTAGE_H
#define HOST_SHORTAGE_H

#include "hv/types.h"

void shortage_init(void);
bool shortage_end(void); /* true: a shortage was in force; its memory is free now */

#endif
