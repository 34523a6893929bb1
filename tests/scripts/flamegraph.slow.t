#!/bin/bash
# SPDX-License-Identifier: MIT
#
# flamegraph.slow.t - test a flame graph in headless Chromium: zoom, search, keys, narrow windows,
# the dark theme and printing work, and nothing overlaps. SHOTS=DIR keeps screenshots.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

needs_browser
export PYTHONDONTWRITEBYTECODE=1

cat >"$tmp/stacks" <<'END'
host kernel;run;exit_sbi;memcpy 1234
host kernel;run;exit_sbi 17
host kernel;run;mmio_emulate;memcpy 400
guest kernel;fib;fib;fib;fib 5
guest kernel;fib;fib 7
something else;a very long name that fits into no frame of this little width at all 1
END
printf '%s\n' 'a;<script>alert(1)</script> 3' '"quoted" & co;]]><b> 4' '日本語の関数;ループ 2' >"$tmp/hostile"
for name in stacks hostile; do
	"$HS_TOP/scripts/hyperscope" flamegraph --unit instructions --out "$tmp/$name.svg" "$tmp/$name"
done
checked flame_browser.py "" "$python" "$HS_TOP/tests/scripts/flame_browser.py" "$tmp/stacks.svg" "$tmp/hostile.svg" ${SHOTS:+"$SHOTS"}
done_testing
