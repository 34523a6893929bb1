#!/bin/bash
# SPDX-License-Identifier: MIT
#
# files.t - files, disks, terminals and archives on the host behave as on Linux.
#
# The programs' own claims are relayed with new numbers; each program passes on Linux too.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/linux-abi
here=$HS_TOP/tests/linux-abi

claims()	# TITLE: of $out
{
	relay "$out" "$1"
	is "$status" 0 "$1: the run ends with status 0" || diag "$err"
}

# Succeed if the disk's last MiB holds what leave_mark() in file_disk.c writes.
mark_is_on()	# DISK
{
	python3 - "$1" <<'E2'
import sys
seed, want = 4711, bytearray()
for _ in range(1 << 20):
    seed = (seed * 1103515245 + 12345) & 0xffffffff
    want.append(seed >> 16 & 255)
with open(sys.argv[1], "rb") as disk:
    disk.seek(-(1 << 20), 2)
    sys.exit(disk.read() != want)
E2
}

# ---- programs ----
names="file_tree file_io file_killed file_wait file_socket file_tty file_jobs file_leak file_race directories"
files=()
for name in $names; do
	files+=(--file "$progs/$name:/abi/$name")
done
HS_SECONDS=60 hs exec --quiet --env HS_EXACT=1 "${files[@]}" "$progs/suite" $(printf '/abi/%s ' $names)
claims "2 harts"

# ---- a disk: modern, then legacy; then QEMU is killed right after a sync ----
truncate -s 16M "$tmp/disk"
hs exec --quiet --disk "$tmp/disk" "$progs/file_disk"
claims "a disk"
mark_is_on "$tmp/disk"
ok $? "the disk's file contains what the program synced"

cat >"$tmp/legacy" <<'E2'
#!/bin/bash
# Run QEMU with its default kind of virtio-mmio devices, which is legacy.
exec "${REAL_QEMU:-qemu-system-riscv64}" "${@/force-legacy=false/force-legacy=true}"
E2
chmod +x "$tmp/legacy"
export REAL_QEMU=${QEMU:-qemu-system-riscv64}
truncate -s 0 "$tmp/disk"
truncate -s 16M "$tmp/disk"
hs exec --quiet --qemu "$tmp/legacy" --disk "$tmp/disk" "$progs/file_disk"
claims "a legacy disk"

truncate -s 0 "$tmp/disk"
truncate -s 16M "$tmp/disk"
mkfifo "$tmp/fifo"
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 40)" --disk "$tmp/disk" \
	"$progs/file_disk" /dev/vda wait </dev/null >"$tmp/fifo" 2>/dev/null &
run=$!
sed '/synced/q' "$tmp/fifo" >/dev/null
killed=0
for p in /proc/[0-9]*; do
	tr '\0' ' ' <"$p/cmdline" | grep -q "^[^ ]*qemu-system.*$tmp/disk" && kill -KILL "${p#/proc/}" && killed=$((killed + 1))
done 2>/dev/null
is $killed 1 "QEMU is killed right after the sync"
wait "$run"
mark_is_on "$tmp/disk"
ok $? "synced data is in the disk's file even if QEMU is killed right after the sync"

# ---- a terminal ----
text=$("$here/on-terminal.py" "$(scaled 40)" "$HS_TOP/scripts/hyperscope" exec --quiet \
	"$progs/file_tty" 2>&1)
like "$text" '^name: /dev/tty<CR>$' "a terminal has a name, and lines end with CR LF"
like "$text" '^line: 68 65 6c 6c 6f 0a<CR>$' "the Return key ends a line"
like "$text" '^edited: 61 62 63 20 67 68 69 0a<CR>$' "DEL erases a character, and Ctrl-W a word"
like "$text" '^eof:<CR>$' "Ctrl-D ends the input"
like "$text" '^long: 4096 bytes, last 0a<CR>$' "a line that is too long loses only its end"
like "$text" "^interrupts: [1-9]" "Ctrl-C sends SIGINT"
like "$text" '^raw: 71<CR>$' "without ICANON, a key is read immediately"
like "$text" '^three: 31 32 33<CR>$' "with MIN 3, read() waits for three bytes"
like "$text" '^timed:<CR>$' "with TIME, read() returns without input"
like "$text" '^polled:<CR>$' "with MIN 0 and TIME 0, read() does not wait"
like "$text" '^poll: 1, 2 bytes<CR>$' "poll() and FIONREAD report typed bytes"
like "$text" '^flushed: 0, poll: 1<CR>$' "after tcflush(), input that did not fit into the buffer can be read"
like "$text" '^flushed with a mode: 0, poll: 1<CR>$' "after tcsetattr() with TCSAFLUSH, too"
like "$text" '^faulted: 1, poll: 1<CR>$' "after a read() to a bad address, too"
like "$text" '^no CR here$' "without OPOST, no CR is added"
like "$text" '^status 0$' "file_tty ends with status 0" || diag "$text"

# ---- jobs on a terminal ----
text=$("$here/on-terminal.py" "$(scaled 40)" "$HS_TOP/scripts/hyperscope" exec --quiet \
	"$progs/file_jobs" 2>&1)
out=${text//<CR>/}
status=$(sed -n 's/^status //p' <<<"$out")
err=$text
claims "a terminal"

# ---- damaged archives ----
cat >"$tmp/damage" <<'E2'
#!/bin/bash
# Run QEMU after applying $DAMAGE to the archive that it is given.
[ "$1" != --version ] || exec "${REAL_QEMU:-qemu-system-riscv64}" --version
for ((i = 1; i <= $#; i++)); do
	[ "${!i}" != -initrd ] || { n=$((i + 1)); eval "$DAMAGE \"${!n}\""; }
done
exec "${REAL_QEMU:-qemu-system-riscv64}" "$@"
E2
chmod +x "$tmp/damage"
fails_without_a_trap()	# BYTES
{
	[ "$status" != 0 ] && ! grep -q "panic:.*trap" <<<"$err"
	ok $? "a run with an archive cut to $1 bytes fails, but not with a trap" || diag "status $status" "$err"
}
DAMAGE="truncate -s 300000" hs exec --qemu "$tmp/damage" "$progs/file_tree"
like "$err" "^host: initramfs: truncated at byte [0-9]+ of 300000; " \
	"a truncated archive is reported with its size"
fails_without_a_trap 300000
DAMAGE="truncate -s 5" hs exec --qemu "$tmp/damage" "$progs/file_tree"
like "$err" "^host: initramfs: truncated at byte 0 of 5; " "an archive cut to 5 bytes is reported"
fails_without_a_trap 5
is "$(left_running)" "" "no process is left running"
done_testing
