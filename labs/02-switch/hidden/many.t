#!/bin/bash
# SPDX-License-Identifier: MIT
#
# many.t - four vCPUs on two harts keep their own registers, and registers are also kept with
# switch=full, which uses the same world switch but moves more state
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --vcpus 4
payload harts rounds=30
payload lab02
options --set switch=full
payload lab02
payload exits
done_testing
