// SPDX-License-Identifier: MIT
/*
 * pin.h - sections in which the core is pinned to its hart.
 *
 * From hv_pin() to hv_unpin(), the calling thread stays on its hart, and no other thread or interrupt
 * handler runs there. No function that is marked "may sleep" in hv/host.h may be called. Sections
 * nest, and a spinlock begins one. Outside of sections, any function that may sleep can move the
 * thread to another hart: the vCPU's scheduler hook then puts the vCPU and loads it again.
 *
 * So the guest's CSRs, which the hook moves, may be used everywhere while the vCPU is loaded. State
 * that belongs to the hart itself may be used only in a section: hv_hart(), the CSRs that a trap
 * writes, the owners of the hart's FP and vector units.
 *
 * The host keeps interrupts off while the core runs, except in functions that may sleep. A section
 * therefore costs nothing: these functions only check. A host that defines HV_CHECK_PINS implements
 * them: the debug kernel (src/debug/lock.c) and Linux kernels that check themselves
 * (src/linux/thread.c). There, a function that may sleep reports a call from within a section.
 */
#ifndef HV_PIN_H
#define HV_PIN_H

#ifdef HV_CHECK_PINS
void hv_pin(void);
void hv_unpin(void);
#else
static inline void hv_pin(void)
{
}

static inline void hv_unpin(void)
{
}
#endif

#endif
