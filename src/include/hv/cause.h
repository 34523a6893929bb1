// SPDX-License-Identifier: MIT
/*
 * cause.h - trap causes as constants: EXC_* in scause, IRQ_* there and in sip, sie, hvip, hideleg.
 *
 * Includes nothing, so tools of the build machine may include it.
 */
#ifndef HV_CAUSE_H
#define HV_CAUSE_H

enum {
#define EXCEPTION(id, number, name, description, source) EXC_##id = number,
#define INTERRUPT(id, number, name, description, source) IRQ_##id = number,
#include "hv/cause.def"
};

#endif
