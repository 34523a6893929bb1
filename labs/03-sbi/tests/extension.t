#!/bin/bash
# SPDX-License-Identifier: MIT
#
# extension.t - your variant's extension answers its four functions and refuses all others
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab03 $(variant --line)
done_testing
