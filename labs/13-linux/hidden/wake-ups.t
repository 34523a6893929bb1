#!/bin/bash
# SPDX-License-Identifier: MIT
#
# wake-ups.t - no wake-up is lost when two vCPUs wake each other thousands of times
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
HS_SECONDS=60 hs run "${on_host[@]}" --quiet --vcpus 2 --set halt_poll_ns=0 --append "only=ipi_pingpong batches=64" "$O/guest-payloads/bench.bin"
is "$status" 0 "vCPUs that wake each other run to completion" || last_words
done_testing
