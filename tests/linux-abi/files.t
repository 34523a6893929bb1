#!/bin/bash
# SPDX-License-Identifier: MIT
#
# files.t - files, disks, terminals and archives on the host.
#
# The programs' own claims are relayed with new numbers; each program passes on Linux too.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/linux-abi
here=$HS_TOP/tests/linux-abi

claims()	# TITLE: of $out
{
	relay "$out" "$1"
	is "$status" 0 "$1: it ends well" || diag "$err"
}

# Whether the disk's last MiB has what file_disk leaves there: the same generator, run here.
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
names="file_tree file_io file_wait file_socket file_tty file_jobs file_leak file_race directories"
files=()
for name in $names; do
	files+=(--file "$progs/$name:/abi/$name")
done
HS_SECONDS=60 hs exec --quiet --env HS_EXACT=1 "${files[@]}" "$progs/suite" $(printf '/abi/%s ' $names)
claims "2 harts"

# ---- a disk: modern, then legacy; synced data survives the end of QEMU ----
truncate -s 16M "$tmp/disk"
hs exec --quiet --disk "$tmp/disk" "$progs/file_disk"
claims "a disk"
mark_is_on "$tmp/disk"
ok $? "what the program synced is in the file outside"

cat >"$tmp/legacy" <<'E2'
#!/bin/bash
# QEMU with its default virtio-mmio: legacy devices.
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
for p in /proc/[0-9]*; do
	tr '\0' ' ' <"$p/cmdline" | grep -q "^[^ ]*qemu-system.*$tmp/disk" && kill -KILL "${p#/proc/}"
done 2>/dev/null
wait "$run"
mark_is_on "$tmp/disk"
ok $? "also when QEMU was killed right after the sync"

# ---- a terminal ----
text=$("$here/on-terminal.py" "$(scaled 40)" "$HS_TOP/scripts/hyperscope" exec --quiet \
	"$progs/file_tty" 2>&1)
like "$text" '^name: /dev/tty<CR>$' "a terminal has a name, and lines end with CR LF"
like "$text" '^line: 68 65 6c 6c 6f 0a<CR>$' "a line ends with the Return key"
like "$text" '^edited: 61 62 63 20 67 68 69 0a<CR>$' "characters and words are erased"
like "$text" '^eof:<CR>$' "Ctrl-D ends the input"
like "$text" '^long: 4096 bytes, last 0a<CR>$' "a line that is too long loses its end only"
like "$text" "^interrupts: [1-9]" "Ctrl-C is SIGINT"
like "$text" '^raw: 71<CR>$' "without lines a key comes at once"
like "$text" '^three: 31 32 33<CR>$' "MIN waits for more"
like "$text" '^timed:<CR>$' "TIME ends a read"
like "$text" '^polled:<CR>$' "MIN 0 does not wait"
like "$text" '^poll: 1, 2 bytes<CR>$' "poll and FIONREAD"
like "$text" '^no CR here$' "without OPOST bytes are as they are"
like "$text" '^status 0$' "and the program ends" || diag "$text"

# ---- jobs on a terminal ----
text=$("$here/on-terminal.py" "$(scaled 40)" "$HS_TOP/scripts/hyperscope" exec --quiet \
	"$progs/file_jobs" 2>&1)
out=${text//<CR>/}
status=$(sed -n 's/^status //p' <<<"$out")
err=$text
claims "a terminal"

# ---- archives that are damaged ----
cat >"$tmp/damage" <<'E2'
#!/bin/bash
# QEMU, after $DAMAGE was done to the archive that it is given.
[ "$1" != --version ] || exec "${REAL_QEMU:-qemu-system-riscv64}" --version
for ((i = 1; i <= $#; i++)); do
	[ "${!i}" != -initrd ] || { n=$((i + 1)); eval "$DAMAGE \"${!n}\""; }
done
exec "${REAL_QEMU:-qemu-system-riscv64}" "$@"
E2
chmod +x "$tmp/damage"
DAMAGE="truncate -s 300000" hs exec --qemu "$tmp/damage" "$progs/file_tree"
like "$err" "^host: initramfs: truncated at byte [0-9]+ of 300000; " \
	"an archive that is cut off is said to be"
DAMAGE="truncate -s 5" hs exec --qemu "$tmp/damage" "$progs/file_tree"
like "$err" "^host: initramfs: truncated at byte 0 of 5; " "one of five bytes, too"
[ "$status" != 0 ] && ! grep -q panic:.*trap <<<"$err"
ok $? "and the run ends with an error"
is "$(left_running)" "" "nothing is left running"
done_testing
