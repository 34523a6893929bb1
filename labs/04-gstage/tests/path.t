#!/bin/bash
# SPDX-License-Identifier: MIT
#
# path.t - gstage_lab_path() follows your variant's rule, whichever walker built the table
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for walk in iterative recursive; do
	options --set gstage_walk=$walk --set gstage_huge=off
	payload lab04 $(variant --line)
done
done_testing
