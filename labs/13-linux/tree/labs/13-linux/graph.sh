#!/bin/bash
# SPDX-License-Identifier: MIT
#
# graph.sh - show which functions of Linux a function of src/linux calls while a guest runs.
#
# usage: labs/13-linux/graph.sh [FUNCTION...]
#        FUNCTION   a function of src/linux (hv_user_page_look, hv_wait, hook_in,
#                   hook_out and range_start); $DEPTH is the depth of calls to
#                   show (4)
#
# The machine has one hart, so that the guest's two vCPUs take turns. The output is
# that of ftrace's function_graph tracer.
case ${1:-} in
-*) sed -n '6,13s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] || [ "$1" = -h ]; exit $((2 * $?)) ;;
esac
top=$(cd "$(dirname "$0")/../.." && pwd)
out=${O:-$top/build}
[ -e "$out/hyperscope.ko" ] || { echo "graph.sh: $out/hyperscope.ko is missing: run make linux-module" >&2; exit 125; }
[ $# -gt 0 ] || set -- hv_user_page_look hv_wait hook_in hook_out range_start
tmp=$(mktemp -d) || exit 125
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/graph" <<'END'
	cd /sys/kernel/tracing
	echo "$1" >max_graph_depth
	shift
	for name; do
		echo "$name" >>set_graph_function || { echo "graph.sh: the module has no function $name that ftrace knows" >&2; exit 2; }
	done
	echo function_graph >current_tracer
	/vmm --no-sandbox --quiet --vcpus 2 /hello.bin >/dev/null
	echo 0 >tracing_on
	cat trace
END
"$top/scripts/hyperscope" exec --host linux --quiet --out "$out" --harts 1 --file "$out/guest-payloads/hello.bin" --file "$out/vmm" \
	--file "$tmp/graph" "$out/guest/busybox" sh /graph "${DEPTH:-4}" "$@" </dev/null
