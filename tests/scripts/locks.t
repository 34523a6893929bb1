#!/bin/bash
# SPDX-License-Identifier: MIT
#
# locks.t - scripts/hyperscope locks: the counts agree with a program that takes locks a known number
# of times and with QEMU's own log of the instructions; a second run has the same figures; impossible
# requests are refused.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin locks
locked=$O/tests/kvm/locked
calls=200

field()	# CSV LOCK COLUMN [CLOCK]
{
	awk -F, -v lock="$2" -v column="$3" -v clock="${4:-0}" '$1 == clock && $2 == lock { print $column }' "$1"
}

hs_script locks --csv "$tmp/one.csv" -- "$locked" flock $calls
is $status 0 "a program's locks are counted" || diag "$(cat "$tmp/err")"
is "$(field "$tmp/one.csv" flock_lock 4)" $((2 * calls)) "two acquisitions for each pair of flock() calls"
is "$(field "$tmp/one.csv" flock_lock 7)" 0 "a lock that one thread uses is never contended"

# Count the same instructions in QEMU's log, which has each executed instruction of flock.c.
cat >"$tmp/qemu" <<END
#!/bin/sh
exec ${QEMU:-qemu-system-riscv64} "\$@" -d exec,nochain -dfilter \$FILTER -D $tmp/log -accel tcg,one-insn-per-tb=on
END
chmod +x "$tmp/qemu"

"${CROSS_COMPILE:-riscv64-linux-gnu-}objdump" -d --no-show-raw-insn "$O/hyperscope.elf" >"$tmp/code"
FILTER=$(python3 - "$tmp/code" <<'END'
import re, sys
starts = [(int(a, 16), name) for a, name in re.findall(r"^(\w{16}) <(\S+)>:", open(sys.argv[1]).read(), re.M)]
own = [i for i, (_, name) in enumerate(starts) if re.match(r"(try_take|flock_release|sys_flock)\b", name)]
print("0x%x+0x%x" % (starts[own[0]][0], starts[own[-1] + 1][0] - starts[own[0]][0]))
END
) QEMU=$tmp/qemu hs exec --quiet --icount "$locked" flock $calls
is "$status" 0 "the program runs with QEMU's log"
told=$(python3 - "$tmp/code" "$tmp/log" <<'END'
import re, sys
takes, releases, fence = set(), set(), False
for line in open(sys.argv[1]):
    found = re.match(r" *(\w{16}):\s+(amoswap\.w\.aq|amoswap\.w|sw)\s+(\w+),(\w*)", line)
    if found and found[2] == "amoswap.w.aq" and found[3] != "zero":
        takes.add(found[1])
    elif found and found[3] == "zero" and fence:  # a store-release of 0
        releases.add(found[1])
    fence = "\tfence\t" in line
path = []
for line in open(sys.argv[2]):
    if line.startswith("Trace"):
        path.append(line.split("/")[1])
    elif line.startswith("Stopped"):  # before the last one: it was not executed
        path.pop()
held = times = longest = begun = 0
for n, at in enumerate(path):
    if at in takes:
        begun, times = n, times + 1
    elif at in releases and begun:
        held, longest, begun = held + n - begun, max(longest, n - begun), 0
print(times, held, longest)
END
)
is "$(field "$tmp/one.csv" flock_lock 4) $(field "$tmp/one.csv" flock_lock 5) $(field "$tmp/one.csv" flock_lock 6)" "$told" \
	"acquisitions, instructions held, and the longest are those of QEMU's log"

hs_script locks --csv "$tmp/two.csv" -- "$locked" flock $calls
cmp -s "$tmp/one.csv" "$tmp/two.csv"
ok $? "a second run gives the same CSV, to the byte" || diag "$(diff "$tmp/one.csv" "$tmp/two.csv")"

for harts in 1 2; do
	hs_script locks --harts $harts --clock 0,wall --csv "$tmp/pipe.csv" -- "$locked" pipe 5
	is $status 0 "a pipe's locks are counted on $harts harts, with both clocks" || diag "$(cat "$tmp/err")"
	is "$(field "$tmp/pipe.csv" pipe.write_lock 4) $(field "$tmp/pipe.csv" pipe.write_lock 7)" "15 5" \
		"$harts harts: of 15 writes, the 5 that wait for another writer are contended"
	like "$(field "$tmp/pipe.csv" pipe.write_lock 4 wall) $(field "$tmp/pipe.csv" pipe.write_lock 7 wall)" '^15 [0-5]$' \
		"$harts harts, without icount: at most 5 of 15 writes are contended; fewer on a machine that is late"
done

hs_script locks --harts 2 -- "$O/tests/kvm/many" 1
is $status 0 "each lock that VMs take is released" || diag "$(cat "$tmp/err")"
like "$out" '^0 +mmu_lock +spin +[1-9]' "the G-stage lock is listed by name"

needs_built "$O/guest-payloads/broadcast.bin"
hs_script locks --harts 4 --set halt_poll_ns=0 --csv "$tmp/wake.csv" broadcast
is $status 0 "the locks of a guest's IPIs to sleeping vCPUs are counted" || diag "$(cat "$tmp/err")"
longest=$(field "$tmp/wake.csv" waitq.lock 6)
[ "${longest:-9999}" -lt 1000 ]
ok $? "no hart is interrupted with the lock of a wait queue held" || diag "held for $longest instructions"

hs_script locks
is $status 2 "neither a workload nor a program is refused"
hs_script locks --clock fast hello
is $status 2 "an unknown clock is refused"
like "$(cat "$tmp/err")" "--clock fast: neither 'wall' nor a number" "the message names the clock"
hs_script locks nonsense
is $status 2 "an unknown workload is refused"
is "$(find "$tmp" -name 'locks.*' -type d | wc -l)" 0 "no temporary folder is left"
done_testing
