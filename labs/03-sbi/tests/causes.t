#!/bin/bash
# SPDX-License-Identifier: MIT
#
# causes.t - every cause of an exit has its handler, and traps that the guest must handle are injected
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload exits
done_testing
