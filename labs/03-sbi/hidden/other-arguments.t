#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-arguments.t - the variant's extension also answers calls with arguments drawn from the
# instructor's key
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab03 $(variant --line)
done_testing
