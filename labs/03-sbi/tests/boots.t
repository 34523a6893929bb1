#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, calls the SBI, waits and powers off, with switch=minimal, and with
# switch=full while the guest is sampled
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots switch=minimal
boots switch=full --sample 1000
done_testing
