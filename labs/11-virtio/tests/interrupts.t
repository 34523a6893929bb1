#!/bin/bash
# SPDX-License-Identifier: MIT
#
# interrupts.t - an interrupt for what is used, and requests that are found without a notification.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=irq
done_testing
