#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, with large leaves and without, while nothing is
# logged
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for huge in on off; do
	boots gstage_huge=$huge
done
done_testing
