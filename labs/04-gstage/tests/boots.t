#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, with its memory mapped by the iterative walker
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots gstage_walk=iterative
done_testing
