#!/bin/bash
# SPDX-License-Identifier: MIT
#
# causes.t - every cause of an exit finds its handler, and a guest gets the traps that are its own.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload exits
done_testing
