#!/bin/bash
# SPDX-License-Identifier: MIT
#
# choosing.slow.t - six hostile threads use the files of tracefs on four harts while VMs run. In a
# second program, six threads compete for tracefs, and none is starved by the others.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

for seed in 1 2; do
	HS_SECONDS=900 hs exec --quiet --harts 4 --trace none --env HS_EXACT=1 \
		"$O/tests/kvm-api/choosing" 400 $seed
	relay "$out" "seed $seed"
	is "$status" 0 "seed $seed: the program exits with status 0" || diag "$err"
done

# Six threads compete for tracefs's mutex without a pause, on fewer harts than threads. There are at
# most four harts, because the host machine may have no more processors.
for harts in 2 4; do
	hs exec --quiet --harts $harts --trace none "$O/tests/kvm-api/turns" 4000 6
	relay "$out" "$harts harts"
	is "$status" 0 "$harts harts: the program exits with status 0" || diag "$err"
done
done_testing
