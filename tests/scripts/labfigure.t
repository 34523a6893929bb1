#!/bin/bash
# SPDX-License-Identifier: MIT
#
# labfigure.t - the bars that a lab's figures.py draws from the bench, a trace or a student's own table are as
# long as their numbers, on an axis that begins at zero. Data that cannot be drawn are reported in one sentence.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
mkdir -p "$tmp/labs/90-x"
ln -s "$HS_TOP/scripts" "$tmp/scripts"

figures()	# CALL OF labfigure: run a figures.py that makes this call; sets $status, $said
{
	cat >"$tmp/labs/90-x/figures.py" <<END
"""figures.py - the doc"""
import sys
from pathlib import Path
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
sys.dont_write_bytecode = True
from hs import labfigure
sys.exit(labfigure.main(__doc__, HERE, labfigure.$1))
END
	shift
	said=$(cd "$tmp" && python3 labs/90-x/figures.py "$@" 2>&1)
	status=$?
}

# Print the drawing's bars: "ROW, SERIES" and the axis value at the bar's end.
bars()
{
	python3 - "$tmp/labs/90-x/figure.svg" <<'END'
import sys
import xml.etree.ElementTree as xml
space = "{http://www.w3.org/2000/svg}"
top = xml.parse(sys.argv[1]).getroot()
assert top.get("width") == "720"
(first, zero), *_, (last, most) = [(float(text.get("x")), float(text.text)) for text in top.iter(space + "text")
                                   if text.get("text-anchor") == "middle"]
assert zero == 0
for rect in top.iter(space + "rect"):
    title = rect.find(space + "title")
    if title is not None:
        assert float(rect.get("x")) == first
        print(title.text, round(float(rect.get("width")) / (last - first) * most, 1))
END
}

head="system,exit,toggles,cpu,unit,n,min,p50,p99,max,mean,instret,commit,images,qemu,qemu_flags,opensbi,kernel,compiler,binutils"
row()	# SYSTEM ROW TOGGLES VALUE
{
	echo "$1,$2,$3,rv64,instructions,32768,1,$4,1,1,7,1,c,i,10.0.2,f,o,k,gcc 12.2.0,2.40"
}
{
	echo "$head"
	row hyperscope mmio_read default 800
	row hyperscope mmio_read mmio_decode=fetch 1000
	row linux mmio_read default 4000
	row hyperscope mmio_write default 1020
	row hyperscope ipi_pingpong halt_poll_ns=0 500
} >"$tmp/labs/90-x/measured.csv"

figures 'bench("T", rows=["mmio_read"], series={"a": "", "b & <c>": "mmio_decode=fetch", "Linux": "linux"})'
is "$status:$said" "0:figure: labs/90-x/figure.svg" "rows of the bench are drawn"
is "$(bars)" "$(printf '%s\n' "mmio_read, a 800.0" "mmio_read, b & <c> 1000.0" "mmio_read, Linux 4000.0")" \
	"a bar is as long as its number, for each setting and each system"
like "$(<"$tmp/labs/90-x/figure.svg")" '>1000 \(×1\.25\)<' "a bar shows its number, and its ratio to the first bar"
like "$(<"$tmp/labs/90-x/figure.svg")" 'n = 32768 operations, counted, and the same in each run; -cpu rv64, QEMU 10\.0\.2' \
	"the note below the bars says what was measured, and with which tools"
figures 'bench("T", rows=["ipi_pingpong", "mmio_write"], series={"a": "", "b": "mmio_decode=fetch"})'
is "$status:$(bars)" "0:$(printf '%s\n' "ipi_pingpong, a 500.0" "mmio_write, a 1020.0" "mmio_write, b 0.0")" \
	"a row measured on a specially set-up machine is found, and a row may lack a setting"
is "$(grep -c '>not measured<' "$tmp/labs/90-x/figure.svg")" 1 "a missing measurement is marked"

refused()	# SENTENCE CALL
{
	figures "$2"
	is "$status:$(grep -c . <<<"$said")" "1:1" "refused in one line: $1"
	like "$said" "^figures.py: .*$1" "the line gives the reason"
}
refused "has no figure for row 'csr_time' with any of the settings 'default'" 'bench("T", rows=["csr_time"], series={"a": ""})'
refused "the bench has no row 'mmio_reed'" 'bench("T", rows=["mmio_reed"], series={"a": ""})'
refused "toggle mmio_decode takes htinst or fetch" 'bench("T", rows=["mmio_read"], series={"a": "mmio_decode=x"})'
refused "none.csv: No such file" 'bench("T", rows=["mmio_read"], series={"a": ""}, source="none.csv")'
printf 'a,b\n1,2\n' >"$tmp/labs/90-x/own.csv"
refused "not a file that scripts/hyperscope bench" 'bench("T", rows=["mmio_read"], series={"a": ""}, source="own.csv")'
figures 'table("T", "pages")' --nonsense
is "$status:$(grep -c . <<<"$said")" "2:1" "a usage error is reported in one line"
figures 'table("T", "pages")' --help
is "$status:$said" "0:figures.py - the doc" "--help prints the docstring"

# ---- a trace, and a student's own table ----
printf 'time_ns,event,scause\n%s' "$(printf '%s\n' 1,kvm_exit,wfi 2,kvm_exit,wfi 3,kvm_exit,ecall_vs 4,kvm_entry,)" >"$tmp/labs/90-x/one.csv"
printf 'time_ns,event,scause\n1,kvm_exit,wfi\n' >"$tmp/labs/90-x/two.csv"
figures 'events("T", "scause", {"one": "one.csv", "two": "two.csv"}, where={"event": "kvm_exit"})'
is "$status:$(bars)" "0:$(printf '%s\n' "wfi, one 2.0" "wfi, two 1.0" "ecall_vs, one 1.0" "ecall_vs, two 0.0")" \
	"events of a trace are counted for each file" || diag "$said"
refused "one.csv has no column 'cause'" 'events("T", "cause", {"one": "one.csv"})'
printf 'guest,eager,lazy\nidle,3,0.5\nbusy,,8\n' >"$tmp/labs/90-x/own.csv"
figures 'table("T", "moves", source="own.csv")'
is "$status:$(bars)" "0:$(printf '%s\n' "idle, eager 3.0" "idle, lazy 0.5" "busy, eager 0.0" "busy, lazy 8.0")" \
	"a student's own table is drawn" || diag "$said"
printf 'guest,eager\nidle,many\n' >"$tmp/labs/90-x/own.csv"
refused "the line of 'idle' contains a value that is not a number: many" 'table("T", "moves", source="own.csv")'
printf 'guest,eager\n' >"$tmp/labs/90-x/own.csv"
refused "has no line after its header" 'table("T", "moves", source="own.csv")'
printf 'guest,eager\nidle,-1\n' >"$tmp/labs/90-x/own.csv"
refused "below zero" 'table("T", "moves", source="own.csv")'

# ---- each lab's figures.py: rows and settings are valid, so it stops at the missing data file ----
for file in "$HS_TOP"/labs/*/tree/labs/*/figures.py; do
	lab=$(basename "$(dirname "$file")")
	mkdir -p "$tmp/labs/$lab"
	cp "$file" "$tmp/labs/$lab"
	said=$(cd "$tmp" && PYTHONDONTWRITEBYTECODE=1 python3 "labs/$lab/figures.py" 2>&1)
	like "$?:$said" '^1:figures.py: labs/[^:]*: No such file or directory$' "$lab: figures.py names valid rows and settings, and reports the missing file"
done
done_testing
