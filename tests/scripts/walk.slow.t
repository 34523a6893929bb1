#!/bin/bash
# SPDX-License-Identifier: MIT
#
# walk.slow.t - the walkthroughs that walk.t leaves out play, and their pages are what they say.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "each tour sets the toggles that it is about" all
. "$HS_TOP/tests/scripts/walk.sh"
why=$(why_no_tours)
[ -z "$why" ] || skip_all "$why"
for name in $slow_tours; do
	tour_plays "$name"
done
is "$(left_running)" "" "nothing is left running"
done_testing
