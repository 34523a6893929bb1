#!/bin/bash
# SPDX-License-Identifier: MIT
#
# extension.t - the extension of your variant answers its four functions, and nothing else does.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab03 $(variant --line)
done_testing
