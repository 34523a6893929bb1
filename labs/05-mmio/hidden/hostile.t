#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hostile.t - the results are right for other instructions, rejected accesses, code that is hard to
# fetch, and code that changes between the trap and the fetch
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for decode in htinst fetch; do
	options --device testdev --set mmio_decode=$decode
	payload lab05_code refused=1 seed="$(variant seed)"
	[ "$tests_failed" = 0 ] || ! grep -q "loops forever" <<<"$out" || done_testing
	payload mmio_hard
	payload mmio_changed
done
done_testing
