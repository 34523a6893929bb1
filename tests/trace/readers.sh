# SPDX-License-Identifier: MIT
#
# readers.sh - functions for tests of hstrace export: each tool reads a trace, and readers.py compares
# its output with that of hstrace report.
#
#   hstrace=PROGRAM trace=FILE   the hstrace to use, and the trace to export
#   every_reader LABEL           run all readers that a distribution has; also write the file "report"
#   export_as FORMAT OUT [OPTION...]
#                                export the trace to OUT
#   equal TOOL TEXT NAME         claim NAME: TOOL's output, in the file TEXT, agrees with "report"
#
# Files are created in the current folder. $no_ctf and $no_perfetto say why a format cannot be tested,
# or are "".

export PERF_CONFIG=/dev/null HOME=$tmp

have()
{
	command -v "$1" >/dev/null
}

# equal TOOL TEXT NAME: claim that TOOL's output (in the file TEXT) agrees with the file "report".
equal()
{
	local said
	said=$("$HS_TOP/tests/trace/readers.py" report "$1" "$2" 2>&1)
	ok $? "$3" && diag "$said" || { diag "$said" | head -n 5; diag "$(head -c 300 err 2>/dev/null)"; }
}

# export_as FORMAT OUT [OPTION...]: export $trace to OUT with $hstrace
export_as()
{
	rm -rf "$2"
	"$hstrace" export --to "$1" "${@:3}" "$trace" "$2" >out 2>err
	status=$?
	[ "$status" = 0 ] && [ ! -s out ] && [ ! -s err ] || { diag "status $status"; diag "$(cat out err)"; return 1; }
}

# Claim that every reader agrees with hstrace report about $trace.
every_reader()	# LABEL
{
	"$hstrace" report "$trace" >report
	export_as csv t.csv
	equal csv t.csv "$1: CSV has every event and field"
	"$hstrace" export --to json "$trace" >t.json
	equal json t.json "$1: JSON on standard output has every event and field"

	if have trace-cmd; then
		export_as trace-cmd t.dat
		trace-cmd report -t t.dat >t.txt 2>err
		equal trace-cmd t.txt "$1: trace-cmd report has every event and field"
		rm t.txt
		trace-cmd convert -i t.dat -o t7.dat --file-version 7 >out 2>err &&
			trace-cmd report -t t7.dat >t.txt 2>err
		equal trace-cmd t.txt \
			"$1: trace-cmd report reads what trace-cmd converts to version 7"
	else
		skip "$1: trace-cmd" "trace-cmd is not installed"
	fi

	if have perf; then
		export_as perf t.perf
		perf script --ns -i t.perf >t.txt 2>err
		equal perf t.txt "$1: perf script has every event and field"
		is "$(cat err)" "" "$1: perf script prints no error"
		rm -f perf.json
		export_as perf unsampled.perf --events '*,!sample'
		perf data convert --force --to-json perf.json -i unsampled.perf >out 2>err
		equal perf-json perf.json \
			"$1: perf data convert --to-json has every event and field"
	else
		skip "$1: perf" "perf is not installed"
	fi

	if [ -n "$no_ctf" ]; then
		skip "$1: babeltrace2" "$no_ctf"
	else
		export_as ctf t.ctf
		babeltrace2 --clock-seconds --no-delta t.ctf >t.txt 2>err
		equal babeltrace2 t.txt "$1: babeltrace2 has every event and field"
	fi

	if [ -n "$no_perfetto" ]; then
		skip "$1: perfetto" "$no_perfetto"
	else
		export_as perfetto t.pf
		protoc --proto_path="$HS_TOP/trace/export" --decode=Trace perfetto.proto <t.pf >t.txt 2>err
		equal perfetto t.txt \
			"$1: Perfetto's packets have every event and field; slices nest and flows end"
	fi
}

# Why CTF cannot be tested here, or "".
no_ctf=
have babeltrace2 || no_ctf="babeltrace2 is not installed"
"$O/hstrace" export --to ctf none none 2>&1 | grep -q "built without" &&
	no_ctf="hstrace was built without libbabeltrace2"
no_perfetto=
have protoc || no_perfetto="protoc is not installed"
"$O/hstrace" export --to perfetto none none 2>&1 | grep -q "built without" &&
	no_perfetto="hstrace was built without protobuf-c"

