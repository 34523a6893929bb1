#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, with its memory mapped by the iterative walker, and
# its tables are freed
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/04-gstage/tests/freed.sh"
boots gstage_walk=iterative
freed iterative
done_testing
