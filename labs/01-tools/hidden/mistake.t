#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mistake.t - check the answers on the mistake of the student's variant
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
answered equal-register "$(variant _register)"
answered equal-function "$(variant _function)"
done_testing
