// SPDX-License-Identifier: MIT
/* probe.h - what this platform has, printed for `scripts/hyperscope probe`. */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

/* Lines "probe: NAME VALUE" to the log; with boot argument `probe`, on one hart, before /dev/kvm. */
void probe_print(void);

#endif
