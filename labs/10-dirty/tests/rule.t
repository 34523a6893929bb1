#!/bin/bash
# SPDX-License-Identifier: MIT
#
# rule.t - pre-copy stops when your variant's rule says so, and not before
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --device logdev --vcpus 1 --memory 32M
payload lab10 do=rule $(variant --line)
done_testing
