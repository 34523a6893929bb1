// SPDX-License-Identifier: MIT
/* probe.h - print the platform's properties, for `scripts/hyperscope probe`. */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

/*
 * Log each property as "probe: NAME VALUE". Called if the boot argument `probe` is given, on one
 * hart, before kvm_init().
 */
void probe_print(void);

#endif
