#!/bin/bash
# SPDX-License-Identifier: MIT
#
# interrupts.t - with each kind of interrupt hardware, timers, disks, the console and interrupts
# between harts work, and the sources are spread over the harts. interrupts.slow.t has the other
# numbers of harts and wrong device trees.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/boot/interrupts.sh"

works sswi 2
like "$log" '^# +2: +[1-9][0-9]* +0 +PLIC +[0-9]+ Level +virtio0$' "/proc/interrupts names the controller, the source and the device"
like "$log" '^# +3: +0 +[1-9][0-9]* +PLIC +[0-9]+ Level +virtio1$' "each of two harts serves one of two disks"
like "$log" '^# IPI0: .* by SSWI$' "an SSWI sends interrupts between harts"
works aplic 2
like "$log" '^# IPI0: .* by SBI$' "without an SSWI and IMSICs, the firmware sends interrupts between harts"
like "$log" '^# +3: +0 +[1-9][0-9]* +APLIC +[0-9]+ Level +virtio1$' "an APLIC delivers directly; hart 1 serves the second disk"
works aia 4
like "$log" '^# +3: +0 +[1-9][0-9]* +0 +0 +APLIC-MSI +[0-9]+ Level +virtio1$' "an APLIC sends MSIs; hart 1 serves the second disk"
like "$log" '^# +4: +[0-9]+ +0 +[1-9][0-9]* +0 +APLIC-MSI +[0-9]+ Level +ttyS0$' "hart 2 serves the console"
like "$log" '^# IPI0: .* by IMSIC$' "the harts' IMSICs take interrupts between harts"

done_testing
