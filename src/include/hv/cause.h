// SPDX-License-Identifier: MIT
/*
 * cause.h - trap causes as constants: EXC_* in scause; IRQ_* in scause, sip, sie, hvip, hideleg.
 *
 * This header includes only cause.def, so tools on the build machine can include it too.
 */
#ifndef HV_CAUSE_H
#define HV_CAUSE_H

enum {
#define EXCEPTION(id, number, name, description, source) EXC_##id = number,
#define INTERRUPT(id, number, name, description, source) IRQ_##id = number,
#include "hv/cause.def"
};

#endif
