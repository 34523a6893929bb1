#!/bin/bash
# SPDX-License-Identifier: MIT
#
# save.slow.t - Debian's kernel is saved while it boots, with a disk and two vCPUs, and continues
# under hyperscope and, from the same file, under Linux KVM. A machine that Linux KVM saves
# continues under both.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

payloads=$O/guest-payloads
needs_built "$O/vmm" "$O/hyperscope.bin" "$payloads/save.bin"
needs_fetched "$O/guest/vmlinux" "$O/guest/modules/kvm.ko" "$O/guest-initrd.cpio"
seq 1000000 | head -c 2M >"$tmp/disk"

# ---- Debian -----------------------------------------------------------------------------------------

HS_SECONDS=90 hs run --linux-6.12 --disk "$tmp/disk" --memory 256M --save "$tmp/linux" --save-on 'Run /init'
is "$status" 0 "Debian's kernel is saved while it boots" || diag "$err"
like "$err" '^vmm: saved to /dev/vdb: [0-9]{4,} pages, .* after [2-8] rounds' \
	"Debian's kernel is saved in rounds while it runs"
unlike "$out" 'the tour ends' "Debian's kernel is saved before its tour ends"
diag "$(grep -a '^vmm: save' <<<"$err")"

goes_on()	# WHERE: claim that the guest of the last run has continued and ended its tour
{
	is "$status:$(grep -ac 'Run /init\|Linux version' <<<"$out")" 0:0 \
		"$1: the guest continues where it was saved" ||
		diag "$(tail -n 5 <<<"$out$err")"
	like "$out" 'guest: the tour ends with status 0' "$1: the guest's tour, with its disk, ends with status 0"
	unlike "$out" 'BUG|WARNING|stall|Oops' "$1: the guest's kernel reports no error or warning"
}

HS_SECONDS=90 hs run --disk "$tmp/disk" --restore "$tmp/linux"
goes_on hyperscope
HS_SECONDS=90 hs run --linux-6.12 --disk "$tmp/disk" --restore "$tmp/linux"
goes_on "hyperscope once more"

# Run one boot in pieces: the first lasts one second, and each later one is restored from the file
# that the piece before it saved, and lasts half a second.
n=0
HS_SECONDS=60 hs run --memory 192M --save "$tmp/piece.0" --save-at 1000
all=$out
while [ -f "$tmp/piece.$n" ] && [ "$status" = 0 ] && [ $n -lt 40 ]; do
	HS_SECONDS=60 hs run --restore "$tmp/piece.$n" --save "$tmp/piece.$((n + 1))" --save-at 500
	all+=$out	# a piece may end between the tour's last line and the power-off
	rm "$tmp/piece.$n"
	n=$((n + 1))
done
is "$status:$((n > 2))" 0:1 "a boot in $((n + 1)) pieces ends with status 0" || diag "$(tail -n 5 <<<"$out$err")"
like "$all" 'guest: the tour ends with status 0' "the tour of the boot in pieces ends with status 0"

! qemu_breaks_linux_kvm || { skip "Linux KVM" "$linux_kvm_is_broken"; done_testing; }

linux_kvm()
{
	timeout --kill-after=5 "$(scaled 110)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --timeout "$(scaled 90)" \
		"$@" </dev/null >"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(tr -d '\0' <"$tmp/out")
	err=$(tr -d '\0' <"$tmp/err")
}
linux_kvm --disk "$tmp/linux" --disk "$tmp/disk" "$O/vmm" --disk /dev/vdb --restore /dev/vda
goes_on "Linux KVM"

# ---- files that Linux KVM saves -------------------------------------------------------------------

cat >"$tmp/script" <<'END'
pause=$1
run() {
	echo "=== $1"
	shift
	"$@" </dev/null 2>&1
	printf '\n=== status %d\n' $?
}
new="--testdev --vcpus 3 --memory 32M --disk /dev/vdb"
run save /vmm $new --save stopped --save-rounds 0 --append "on=linux pause=$pause" /save.bin
run live /vmm --vcpus 2 --memory 32M --save busy --save-on writing /save_dirty.bin
run out /vmm $new --save /dev/vda --save-rounds 0 --append "on=linux pause=$pause" /save.bin
sleep $pause.5
run restore /vmm --disk /dev/vdb --restore stopped
run restore-live /vmm --restore busy
END
truncate -s 40M "$tmp/away"
truncate -s 1M "$tmp/payload-disk"
linux_kvm --disk "$tmp/away" --disk "$tmp/payload-disk" --file "$O/vmm" --file "$payloads/save.bin" \
	--file "$payloads/save_dirty.bin" --file "$tmp/script" "$O/guest/busybox" sh /script "$(scaled 2)"
all=$out
part()
{
	out=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed '1d;$d' | tr -d '\r')
	status=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed -n 's/^=== status //p')
}
for what in save live out; do
	part $what
	is "$status:$(grep -c '^vmm: saved' <<<"$out")" 0:1 "Linux KVM: $what ends with status 0" || diag "$out"
done
all_hold()	# SAVED NAME: claim that all of the payload's claims hold, those in SAVED's part and those in $out
{
	local before
	before=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all")
	out=$(tr -d '\r' <<<"$out")
	is "$status:1..$(grep -c '^ok' <<<"$before"$'\n'"$out")" "0:$(grep '^1\.\.' <<<"$out")" "$2" || diag "$out$err"
}
part restore
all_hold save "Linux KVM: every claim of the payload holds after the restore"
part restore-live
all_hold live "Linux KVM: a guest that writes all the time loses no page"
HS_SECONDS=60 hs run --quiet --disk "$tmp/payload-disk" --restore "$tmp/away"
all_hold out "a guest that Linux KVM has saved continues under hyperscope"
is "$(left_running)" "" "nothing is left running"
done_testing
