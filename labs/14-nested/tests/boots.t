#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest of a guest hypervisor runs, with its memory mapped by the shadow table
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --nested
payload lab14 do=boots
done_testing
