#!/bin/bash
# SPDX-License-Identifier: MIT
#
# dropped.t - removed ranges are not mapped, everything else still is, and touching a removed page
# maps it again, with either walker
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for walk in iterative recursive; do
	options --set gstage_walk=$walk --set gstage_huge=off
	payload lab04 drop=1 $(variant --line)
done
done_testing
