#!/bin/bash
# SPDX-License-Identifier: MIT
#
# causes.t - every cause of an exit has its handler, and a guest gets its own traps
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload exits
done_testing
