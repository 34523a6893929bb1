#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sizes.t - a shadow leaf leads to the right page, and is as large as both tables permit: with large
# leaves in the VM's own table and without
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for huge in on off; do
	options --nested --set gstage_huge=$huge
	under "gstage_huge=$huge"
	payload lab14 do=sizes
done
done_testing
