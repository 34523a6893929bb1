#!/bin/bash
# SPDX-License-Identifier: MIT
#
# irqchips.t - a guest is saved and restored with each interrupt controller, and with more vCPUs than
# the two harts have guest interrupt files. irqchips.slow.t has the other numbers of vCPUs.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/irqchips.sh"

saves_and_restores user_plic/1 kernel_plic/8 aia_emul/4 aia_hwaccel/8
done_testing
