// SPDX-License-Identifier: MIT
/* run_desc.h - this run's descriptor, in the kernel image (hv/run_desc.h). */
#ifndef HOST_RUN_DESC_H
#define HOST_RUN_DESC_H

#include "hv/run_desc.h"

extern struct hs_run_desc run_desc;

#endif
