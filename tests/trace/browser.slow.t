#!/bin/bash
# SPDX-License-Identifier: MIT
#
# browser.slow.t - drive the page of `hstrace html` in headless Chromium (clicks, zoom, search,
# narrow windows, printing), and compare its numbers with hstrace stat. A page of 10^6 events must
# open within a time limit.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
needs_built "$bin/mkguest"
needs_browser
export PYTHONPATH=$HS_TOP/tests/trace PYTHONDONTWRITEBYTECODE=1

guest()	# FILE HARTS VCPUS EVENTS UNIT META...
{
	local file=$tmp/$1 meta=() word
	"$bin/mkguest" "$tmp/ram" "$2" "$3" "$4" "$5"
	shift 5
	for word; do meta+=(--meta "$word"); done
	"$O/hstrace" save "${meta[@]}" "$tmp/ram" "$file"
	rm "$tmp/ram"
}

guest a 2 3 20000 instret icount=0 guest=a map=virt
guest b 1 1 9000 instret icount=0 guest=b
guest million 2 2 1000000 instret icount=0
guest hostile 1 1 500 time "guest=</script><script>alert(1)</script><b>" "<!-- <script>"
guest empty 1 1 0 none
guest single 1 1 1 none
guest many 32 64 40000 time
checked browser.py "" "$python" "$HS_TOP/tests/trace/browser.py" "$O/hstrace" "$tmp"/{a,b,million,hostile,empty,single,many}
done_testing
