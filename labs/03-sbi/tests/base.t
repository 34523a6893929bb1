#!/bin/bash
# SPDX-License-Identifier: MIT
#
# base.t - the base extension answers, unknown calls are refused, registers are kept.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload sbi
done_testing
