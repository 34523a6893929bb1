#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-values.t - the variant's device also works with values and an order drawn from the
# instructor's key
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device labdev
payload lab05_device $(variant --line)
done_testing
