#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setup.t - set-up finds and reports what is missing, works from its cache without a network, and
# does not disturb another set-up that is running. Nothing is installed or fetched here.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
setup="$HS_TOP/scripts/hyperscope setup"
export DEBIAN_MIRROR=http://127.0.0.1:9/debian	# no server answers there

fake_qemu()	# VERSION
{
	printf '#!/bin/sh\necho "QEMU emulator version %s"\n' "$1" >"$tmp/qemu-$1"
	chmod +x "$tmp/qemu-$1"
	echo "$tmp/qemu-$1"
}

like "$($setup --help)" "usage: scripts/hyperscope setup" "--help lists the purposes"
is "$($setup --wrong run 2>&1)" "setup: unknown option --wrong; see scripts/hyperscope setup --help" \
	"an unknown option is refused"

text=$(QEMU=$(fake_qemu 6.2.0) $setup --out "$tmp/o" --dry-run run)
is $? 1 "--dry-run fails when something is missing"
like "$text" "QEMU 6.2 is too old, 7.2 is needed" "an old QEMU is refused by its version"
like "$text" "to be made in $tmp/o: uapi libfdt guest" "files that would be fetched are listed"
[ ! -e "$tmp/o" ]
ok $? "--dry-run changes nothing"
text=$(QEMU=$(fake_qemu 7.2.22) $setup packages)
is $? 0 "QEMU 7.2 is accepted"
like "$text" "note: QEMU 7.2 .*DBCN" "a note says what QEMU 7.2 lacks"
hs exec --quiet --qemu "$(fake_qemu 6.2.0)" "$O/tests/progs/ends" exit 0
is "$status $err" "125 hyperscope: QEMU 6.2 is too old: 7.2 or newer is needed" "the launcher refuses an old QEMU"

text=$($setup --out "$tmp/o" --no-guest run 2>&1)
is $? 1 "set-up fails without network and cache"
like "$text" "uapi could not be made: if the mirror cannot be reached" "the message names the part that could not be made"
is "$(find "$tmp/o" -maxdepth 1 -mindepth 1 -printf '%f ')" "dl " "a failed set-up leaves nothing half-made"

# --cached prints the files that make up the cache.
mkdir -p "$tmp/f/dl" && (cd "$tmp/f/dl" && touch linux-libc-dev_6.12_all.deb linux-libc-dev_6.9_all.deb \
	device-tree-compiler_1.7.orig.tar.xz linux-image-6.12-riscv64_6.12_riscv64.deb)
text=$($setup --out "$tmp/f" --cached run 2>"$tmp/err")
is "$?:$(sed 's:.*/::' <<<"$text" | paste -sd' ')" \
	"1:linux-libc-dev_6.12_all.deb device-tree-compiler_1.7.orig.tar.xz linux-image-6.12-riscv64_6.12_riscv64.deb" \
	"--cached prints the newest file of each package, and fails if one is missing"
is "$(<"$tmp/err")" "setup: $tmp/f/dl has no busybox-static_*.deb: run 'scripts/hyperscope setup run'" "--cached names the missing file"
$setup --out "$tmp/f" --no-guest --cached run >/dev/null
is $? 0 "--no-guest needs none of the guest's files"
needs_debootstrap()	# WITH-GUEST: print the missing packages where no mirror is known
{
	bash -c '. "$1/lib/progress.sh"; . "$1/lib/packages.sh"; . "$1/lib/fetch.sh"
		debian_mirror_is_known() { return 1; }; have() { [ "$1" != debootstrap ]; }
		out=$2 with_guest=$3 purposes=run; packages_find_missing run; echo "$missing_packages"' - \
		"$HS_TOP/scripts" "$tmp/f" "$1"
}
is "$(needs_debootstrap 1):$(needs_debootstrap 0)" " debootstrap:" "where no mirror is known, debootstrap is needed unless the cache is complete"

# The packages in $O/dl are all that a second output folder needs.
[ -d "$O/dl" ] && mkdir -p "$tmp/c/dl" && ln "$O"/dl/*.deb "$O"/dl/*.tar.* "$tmp/c/dl/" 2>/dev/null ||
	cp "$O"/dl/*.deb "$O"/dl/*.tar.* "$tmp/c/dl/" 2>/dev/null
if [ -n "$(ls "$tmp/c/dl" 2>/dev/null)" ]; then
	$setup --out "$tmp/c" run >"$tmp/one" 2>&1 &
	text=$($setup --out "$tmp/c" run 2>&1)
	is $? 0 "set-up from the cache needs no network"
	wait $!
	is $? 0 "a second set-up at the same time succeeds"
	is "$(ls "$tmp/c" | paste -sd' ')" "dl guest libfdt uapi" "all parts are made"
	[ -f "$tmp/c/uapi/usr/include/linux/kvm.h" ] && [ -f "$tmp/c/libfdt/libfdt.h" ] &&
		[ -x "$tmp/c/guest/busybox" ] && [ -s "$tmp/c/guest/vmlinux" ]
	ok $? "all parts are complete"
	is "$(find "$tmp/c/dl" -name '*.[0-9]*' ! -name '*.deb' ! -name '*.tar.*')" "" "no unfinished download is left"
else
	skip "a second output folder" "$O/dl holds no packages: its parts came from elsewhere"
fi
done_testing
