#!/bin/bash
# SPDX-License-Identifier: MIT
#
# base.t - the base extension answers, unknown calls are refused, and both keep all registers except
# a0 and a1. Tested with and without the fast path, which answers some calls itself.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for fastpath in on off; do
	options --set fastpath=$fastpath
	payload sbi
done
done_testing
