#!/bin/bash
# SPDX-License-Identifier: MIT
#
# artifact.t - scripts/hyperscope artifact packs the committed files, the cache and the list of packages, each
# with its checksum, and a second archive has the same bytes. Invalid input is refused. `artifact functional`
# fails if one of its steps fails.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
for tool in git dpkg-deb dpkg-query; do
	command -v $tool >/dev/null || { echo "1..0 # SKIP $tool is not installed"; exit 0; }
done

# Make a clone with packages, and the package lists of a mirror that has only some of them.
export DEBIAN_MIRROR=http://127.0.0.1:9/debian APT_CONFIG=$tmp/apt/conf GIT_CONFIG_GLOBAL=/dev/null
export GIT_AUTHOR_NAME=n GIT_AUTHOR_EMAIL=e@example.org GIT_COMMITTER_NAME=n GIT_COMMITTER_EMAIL=e@example.org
tree=$tmp/tree dl=$tmp/o/dl lists=$tmp/apt/lists/nowhere.invalid_debian_dists_trixie
mkdir -p "$tree" "$dl/apt" "$tmp/apt/lists/partial" "$tmp/apt/cache" "$tmp/to"
cp -R "$HS_TOP/scripts" "$HS_TOP/.gitignore" "$tree"
git -C "$tree" init -q && git -C "$tree" add . && git -C "$tree" commit -q -m one
for name in linux-libc-dev:all linux-image-6.12-riscv64:riscv64 {busybox-static,rt-tests,libnuma1,libc6}:riscv64; do
	mkdir -p "$tmp/deb/DEBIAN"
	printf 'Package: %s\nVersion: 1:2-3\nArchitecture: %s\nMaintainer: m\nDescription: d\n' "${name%:*}" "${name#*:}" \
		>"$tmp/deb/DEBIAN/control"
	dpkg-deb -Znone --build "$tmp/deb" "$dl/${name%:*}_1%3a2-3_${name#*:}.deb" >/dev/null
done
echo source >"$dl/device-tree-compiler_1.7.orig.tar.xz"
sum() { sha256sum <"$1" | cut -d' ' -f1; }
listed()	# PACKAGE ARCHITECTURE FILE
{
	printf 'Package: %s\nVersion: 1:2-3\nArchitecture: %s\nFilename: pool/%s\nSize: 1\nSHA256: %s\n\n' "$1" "$2" "${3##*/}" "$(sum "$3")"
}
printf 'Origin: Debian\nLabel: Debian\nCodename: trixie\nDate: Sat, 14 Nov 2026 09:31:12 UTC\nComponents: main\n' >"${lists}_Release"
listed busybox-static riscv64 "$dl"/busybox*.deb >"${lists}_main_binary-riscv64_Packages"
version=$(dpkg-query -W -f '${Version}' make)
printf 'Package: make\nVersion: %s\nArchitecture: %s\nFilename: pool/make.deb\nSize: 1\nSHA256: 1234\n\n' "$version" \
	"$(dpkg-query -W -f '${Architecture}' make)" >"${lists}_main_binary-$(dpkg --print-architecture)_Packages"
printf 'Package: device-tree-compiler\nVersion: 1.7-1\nDirectory: pool/d\nChecksums-Sha256:\n %s 7 device-tree-compiler_1.7.orig.tar.xz\n\n' \
	"$(sum "$dl"/device-tree*)" >"${lists}_main_source_Sources"
echo "deb [trusted=yes] http://nowhere.invalid/debian trixie main" >"$tmp/apt/list"
cat >"$APT_CONFIG" <<END2
Dir::State::lists "$tmp/apt/lists";
Dir::Cache "$tmp/apt/cache";
Dir::Etc::sourcelist "$tmp/apt/list";
Dir::Etc::sourceparts "/dev/null";
Acquire::Retries "0";
END2
{
	echo '#clear APT::Architectures; APT::Architecture "riscv64"; APT::Architectures "riscv64";'
	sed "s:apt/list\":apt/list.guest\":" "$APT_CONFIG"
} >"$dl/apt/conf"
printf 'deb%s [trusted=yes] http://nowhere.invalid/debian trixie main\n' '' -src >"$tmp/apt/list.guest"

artifact()
{
	out=$("$tree/scripts/hyperscope" artifact "$@" --out "$tmp/o" 2>"$tmp/err")
	status=$?
	err=$(<"$tmp/err")
}
pack()	# ARGS...: make an archive and unpack it to $packed
{
	artifact pack --to "$tmp/to" "$@"
	rm -rf "$tmp/un" && mkdir "$tmp/un"
	tar -xf "${out% (*}" -C "$tmp/un" 2>/dev/null
	packed=$(echo "$tmp"/un/*)
}
fields() { sed -n "s/^$1,$2,//p" "$packed/artifact/packages.csv"; }

pack
is "$status" 0 "the committed files are packed" || diag "$err"
commit=$(git -C "$tree" rev-parse --short=12 HEAD)
is "${out% (*}:${packed##*/}:$(<"$packed/.commit")" "$tmp/to/hyperscope-$commit.tar:hyperscope-$commit:$commit" "the archive is named by its commit"
(cd "$tmp/to" && sha256sum --quiet --check ./*.sha256) >/dev/null
ok $? "the archive's checksum is beside it"
(cd "$packed" && sha256sum --quiet --check artifact/SHA256SUMS) >/dev/null
ok $? "SHA256SUMS has the right checksum of each file"
is "$(cd "$packed" && find . -type f ! -name SHA256SUMS | sed 's:^\./::' | LC_ALL=C sort)" \
	"$(sed 's/^[0-9a-f]*  //' "$packed/artifact/SHA256SUMS" | LC_ALL=C sort)" "SHA256SUMS lists the archive's files and no others"
is "$(diff -r -x .git -x build -x artifact -x .commit "$tree" "$packed" 2>&1)" "" "the archive's sources are the same as the tree's"
[ -x "$packed/scripts/shell/setup" ] && [ ! -x "$packed/scripts/lib/fetch.sh" ]
ok $? "programs in the archive are executable, and other files are not"
is "$(diff -r -x apt "$dl" "$packed/build/dl" 2>&1)" "" "the archive's cache has all fetched files except apt's lists"
env -u O "$packed/scripts/hyperscope" setup --cached run apps >/dev/null
ok $? "set-up finds the archive's cache"

snapshot=debian/20261114T093112Z
is "$(fields guest busybox-static)" "1:2-3,riscv64,$(sum "$dl"/busybox*.deb),$(stat -c %s "$dl"/busybox*.deb),build/dl/busybox-static_1%3a2-3_riscv64.deb,Debian trixie/main,$snapshot" \
	"a package of the guest is listed with its version, checksum and snapshot"
like "$(fields guest device-tree-compiler)" "^1.7,source,$(sum "$dl"/device-tree*),7,.*,$snapshot\$" "a source package is listed with its version, checksum and snapshot"
like "$(fields guest linux-libc-dev)" "^1:2-3,all,$(sum "$dl"/linux-libc-dev*),.*,,\$" "a package that is not in any list is recorded without a snapshot"
like "$(fields tool make)" "^$version,[a-z0-9]+,1234,1,pool/make.deb,Debian trixie/main,$snapshot\$" "a tool on this machine is listed with its version, checksum and snapshot"
like "$(fields tool gcc-riscv64-linux-gnu)" "^$(dpkg-query -W -f '${Version}' gcc-riscv64-linux-gnu | sed 's/+/\\+/g')," "packages.csv has the compiler's package"
compiler=$(basename "$(realpath "$(command -v riscv64-linux-gnu-gcc)")")
like "$(grep -c "$compiler\|${compiler#riscv64-linux-gnu-}-riscv64-linux-gnu" "$packed/artifact/packages.csv")" '^[1-9]' "packages.csv has the package of the compiler behind the symbolic link"
like "$(<"$packed/artifact/packages.csv")" '^tool,(qemu-system-|qemu)' "packages.csv has QEMU"
like "$(fields library binutils-riscv64-linux-gnu)$(fields tool binutils-riscv64-linux-gnu)" '^[0-9]' "packages.csv has the tools' dependencies"
like "$err" 'have a version but no checksum, because they are not in' "a package that is not in any list is reported"
! grep -rqE 'https?://|nowhere|127\.0\.0\.1' "$packed/artifact"
ok $? "the archive's lists do not name a host"

cp "${out% (*}" "$tmp/first"
pack
cmp -s "$tmp/first" "${out% (*}"
ok $? "a second archive has the same bytes"
is "$(find "$tmp/to" ! -name '*.tar' ! -name '*.sha256' -type f)" "" "packing leaves no temporary file"

echo change >>"$tree/scripts/shell/setup"
artifact pack --to "$tmp/to"
is "$status $err" "125 artifact: scripts/shell/setup is not committed, and an archive contains only committed files: commit it, or use --commit HEAD to pack without it" \
	"uncommitted changes are refused"
pack --commit HEAD
is "$status:$(diff "$packed/scripts/shell/setup" "$HS_TOP/scripts/shell/setup")" "0:" "--commit HEAD leaves out uncommitted changes"
git -C "$tree" checkout -q .
artifact pack --commit nothing
is "$status $err" "2 artifact: --commit nothing: there is no such commit" "a commit that does not exist is refused"
"$packed/scripts/hyperscope" artifact pack --out "$tmp/o" >"$tmp/err" 2>&1
is "$?:$(<"$tmp/err")" "125:artifact: $packed is not a git clone, and an archive contains only committed files" "packing outside a git clone is refused"
echo more >>"$(echo "$dl"/busybox*.deb)"
artifact list
like "$status $err" "^125 artifact: $dl/busybox.* differs from its archive's list: sha256 $(sum "$dl"/busybox*.deb), not" "a damaged package is refused"
rm "$dl"/busybox*.deb
artifact list
is "$status $err" "125 artifact: $dl has no busybox-static_*.deb: run 'scripts/hyperscope setup run'" "a missing package is reported"
artifact functional run
is "$status $err" "2 artifact: functional takes no PURPOSE; see scripts/hyperscope artifact --help" "functional refuses a PURPOSE"
is "$("$tree/scripts/hyperscope" artifact --help | awk 'length > 80')" "" "--help fits into 80 columns"

seen=$(grep -oE '`(holds|does not hold)[^:`]*: [^`]*`' "$HS_TOP/docs/artifact.md" | tr -d '`')
is "$(sed 's/^does not hold[^:]*: /Does not hold: /; s/^holds[^:]*: /Holds: /' <<<"$seen" | while IFS=: read -r verdict look; do
	cat "$HS_TOP"/notebooks-data/papers/*/claims.md | grep -qxF "$verdict: \`${look# }\`" || echo "$verdict:$look"
done)" "" "the results in docs/artifact.md are those in claims.md: $(wc -l <<<"$seen") lines"

# Run `artifact functional` on an archive whose programs only print the expected lines.
cat >"$tree/scripts/said" <<'END2'
#!/bin/bash
case $1 in run) ;; reproduce) shift ;; *) exec "${0%/*}/real" "$@" ;; esac
[ "$*" != "run --out $O hello" ] || { sleep "${SLOW-0}"; echo "exits: ${EXITS-19}; cost"; }
[ "${*: -1}" != linux ] || echo "this is Linux 6.12-riscv64"
[ "$1" != all ] || echo "  figures: ${FIGURES-9 as expected, 0 not}"
[ "$1" != all ] || exit "${PAPER-0}"
[ "$1" != measure ] || { while [ "$1" != --to ]; do shift; done; mkdir -p "$2" && cp "${0%/*}/figures.csv" "$2/bench.csv"; }
END2
chmod +x "$tree/scripts/said"
head -n 3 "$HS_TOP/notebooks-data/exit-latency.csv" >"$tree/scripts/figures.csv"
mv "$tree/scripts/hyperscope" "$tree/scripts/real" && cp "$tree/scripts/said" "$tree/scripts/hyperscope"
printf '%%/bench_turns:\n\ttrue\nall:\n\ttrue\n' >"$tree/Makefile"
git -C "$tree" add . && git -C "$tree" commit -q -m two
mkdir -p "$tmp/deb/DEBIAN" && printf 'Package: busybox-static\nVersion: 1:2-3\nArchitecture: riscv64\nMaintainer: m\nDescription: e\n' >"$tmp/deb/DEBIAN/control"
dpkg-deb -Znone --build "$tmp/deb" "$dl/busybox-static_1%3a2-3_riscv64.deb" >/dev/null
: >"${lists}_main_binary-riscv64_Packages"
pack
for name in uapi libfdt guest rt_tests; do	# as set-up leaves them
	mkdir -p "$packed/build/$name"
	sed -n "s/^recipe_$name=//p" "$HS_TOP/scripts/lib/fetch.sh" >"$packed/build/$name/recipe"
done
left=$(cd "$packed/build" && ls)
functional()
{
	out=$(env -u O "$@" "$packed/scripts/hyperscope" artifact functional 2>"$tmp/err")
	status=$?
	flat="$status $(tr -s '\n ' ' ' <<<"$out")"
}
functional
like "$flat" '^0 sums [0-9]+ s ok set-up [0-9]+ s ok build [0-9]+ s ok hello [0-9]+ s ok exits: 19 guest [0-9]+ s ok Linux 6.12-riscv64 paper [0-9]+ s ok figures: 9 as expected, 0 not all [0-9]+ s functional' \
	"functional prints each step and its result" || diag "$out" "$(<"$tmp/err")"
like "$(<"$tmp/err")" '^artifact: 6 of 6: kvm-arm-2014 on hyperscope and bare' "functional shows its progress"
functional PAPER=1 "FIGURES=8 as expected, 1 not"
like "$flat" '^1 .*paper [0-9]+ s FAILED status 1 all [0-9]+ s 1 of 6 steps failed or were not run' "functional fails if a paper's figures are not as expected"
like "$(<"$tmp/err")" '\| +figures: 8 as expected, 1 not' "functional shows the output of the step that failed"
functional "FIGURES=0 as expected, 0 not"
like "$flat" '^1 .*paper [0-9]+ s FAILED its output lacks' "functional fails if none of the paper's figures was measured"
functional "FIGURES=0 as expected, 0 not, 9 of another key, 8 of them within 5 %"
like "$flat" '^0 .*9 of another key' "functional accepts figures that were made with another compiler"
functional HS_TIME_SCALE=0.02 SLOW=600
like "$flat" '^1 .*hello [0-9]+ s FAILED took longer than 12 seconds; HS_TIME_SCALE=4 gives' "a step that takes too long is ended, with a hint"
functional EXITS=0
like "$flat" "^1 .*hello [0-9]+ s FAILED its output lacks .*paper [0-9]+ s ok" "a guest without exits fails its step, and the other steps continue"
out=$(env -u O "$packed/scripts/hyperscope" reproduce-verify 2>"$tmp/err")
like "$? $(tr -s '\n ' ' ' <<<"$out")" '^0 .* again: 2 figures, all are equal; .* elsewhere: 2 figures, all are equal' \
	"reproduce-verify works in an archive, without a clone" || diag "$(<"$tmp/err")"
is "$(cd "$packed/build/verify/another/folder" && find . -path ./build -prune -o -type f -print | LC_ALL=C sort)" \
	"$(cd "$packed" && find . -path ./build -prune -o -type f ! -name SHA256SUMS -print | LC_ALL=C sort)" "reproduce-verify copies all files of the archive"
is "$(cd "$packed/build/verify/another/folder/build" && ls -d $left)" "$left" "reproduce-verify copies everything that set-up made"
sed -i 's/true/false/' "$packed/Makefile"
functional
like "$flat" '^1 sums [0-9]+ s FAILED status 1 set-up not run .* paper not run all [0-9]+ s 6 of 6' "a changed file ends functional after its first step"
like "$(<"$tmp/err")" '\| Makefile: FAILED' "functional names the changed file"
rm "$packed/artifact/SHA256SUMS"
functional
like "$flat" '^1 set-up [0-9]+ s ok build [0-9]+ s FAILED status 2 hello not run' "a failed build ends functional"
done_testing
