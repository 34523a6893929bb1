#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A VM saved to a file and restored: it must not notice. All in one boot of hyperscope.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

for f in "$O/vmm" "$O/guest/busybox" "$O/guest-payloads/save.bin"; do
	[ -f "$f" ] || skip_all "$f is missing: set-up could not fetch it"
done

cat >"$tmp/script" <<'END'
run() {
	echo "=== $1"
	shift
	"$@" </dev/null 2>&1
	printf '\n=== status %d\n' $?
}
mkdir /c && cd /c
dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
new="--testdev --smp 3 --mem 32M --disk disk"
run never /vmm $new /save.bin
run save /vmm $new --save stopped --save-rounds 0 /save.bin
run save-live /vmm $new --save live /save.bin
sleep 2.5
run restore /vmm --disk disk --restore stopped
run restore-live /vmm --disk disk --restore live
END
HS_SECONDS=60 hs exec --quiet --harts 2 --ram 512M --file "$O/vmm" --file "$O/guest-payloads/save.bin" \
	--file "$tmp/script:/script" "$O/guest/busybox" sh /script
is "$status" 0 "the host runs all of it" || diag "$err"
all=$out

part()	# NAME: $out is what that command printed, $status its exit status
{
	out=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed '1d;$d' | tr -d '\r')
	status=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed -n 's/^=== status //p')
}

claims()
{
	grep -E '^(not )?ok|^1\.\.' <<<"$1"
}

part never
whole=$(claims "$out")
is "$status:$(grep -c '^not ok' <<<"$whole"):$(grep -c '^1\.\.' <<<"$whole")" 0:0:1 \
	"the payload's claims hold without a save" || diag "$out"

for how in "" -live; do
	part "save$how"
	first=$(claims "$out")
	is "$status:$(grep -c '^vmm: saved to [a-z]*: [0-9]* pages' <<<"$out")" 0:1 \
		"save$how: it ends well, and says what was saved" || diag "$out"
	part "restore$how"
	is "$status" 0 "restore$how: every claim holds" || diag "$out"
	is "$first
$(claims "$out")" "$whole" "save$how, restore$how: together they say what the guest says that was never saved"
done
done_testing
