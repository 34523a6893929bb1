#!/bin/bash
# SPDX-License-Identifier: MIT
#
# grade.t - the grader, with a lab of its own: a solution has all points, a starter none and the stop
# that says what to write, and who forges, replaces or exhausts something gets no points for it.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/fixture-lab.sh"
fixes "a lab's machines are its own" all
export HYPERSCOPE_SET=

# ---- what is handed in ----
hand_in right src/kvm/sbi_base.c
(cd "$tmp/right" && mkdir build && ln -s /etc/passwd build/link && tar -cf "$tmp/right.tar" .)
echo "the course's key" >"$tmp/key"
graded right.tar --hidden --key "$tmp/key" --results "$tmp/results.json"
is "$status:$(points)" "0:100 of 100" "the solution has all points" || diag "$said"
like "$said" '^gcc [0-9.]+, binutils [0-9.]+, QEMU [0-9.]+' "the report names compiler and QEMU"
like "$said" '^OpenSBI v[0-9.]+' "... and OpenSBI"
like "$said" 'sbi_version: [0-9.]+ instructions, the reference solution [0-9.]+: 1\.000 times' \
	"instructions are counted, beside the reference's"
is "$(awk 'length > 80' <<<"$said")" "" "the report has 80 columns"

mkdir -p "$tmp/starter/src/kvm"
python3 - "$fixture/91-fixture/tree/src/kvm/sbi_base.c" "$tmp/starter/src/kvm/sbi_base.c" "$HS_TOP" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[3] + "/scripts")
from hslib.lab import markers
open(sys.argv[2], "w").write(markers.starter("src/kvm/sbi_base.c", open(sys.argv[1]).read(), 91))
END
graded starter
is "$status:$(points)" "1:0 of 90" "the starter has none"
like "$said" 'lab 91: src/kvm/sbi_base.c: answer each function' "... and is told what to write"
done_testing
