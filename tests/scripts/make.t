#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make.t - a build folder holds what its flags and its compiler make, and nothing from before; the
# tree's version is that of the file VERSION, whoever is asked for it.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

targets=(kernel/src/host/lib/string.c.o kernel/libfdt/fdt.o user/src/vmm/marker.c.o user/libfdt/fdt.o
	guest-payloads/obj/src/guest/fdt.c.o tests/progs/ends)

build()	# ASSIGNMENT...: the targets, in a folder of the test's own; $made: what was compiled
{
	made=$(make -C "$HS_TOP" -j2 O="$tmp/out" UAPI="$O/uapi" LIBFDT_SRC="$O/libfdt" "$@" \
		"${targets[@]/#/$tmp/out/}" 2>&1) || diag "$made"
	made=$(sed -n 's/^ *CC *//p' <<<"$made" | grep -vF _offsets.h | sort | tr '\n' ' ')
}
all=$(printf '%s\n' "${targets[@]}" | sort | tr '\n' ' ')

build
is "$made" "$all" "what is not there is made"
build
is "$made" "" "and not a second time"
build "AREA_kvm=-DSOMETHING"
is "$made" "$all" "another flag: all is made anew"

mkdir "$tmp/bin"
cat >"$tmp/bin/other-gcc" <<'END'
#!/bin/sh
[ "$1" = --version ] && echo "other-gcc 99.1" || exec riscv64-linux-gnu-gcc "$@"
END
chmod +x "$tmp/bin/other-gcc"
PATH=$tmp/bin:$PATH build CROSS_COMPILE=other-
is "$made" "$all" "another compiler: all is made anew"

build
first=$(cd "$tmp/out" && sha256sum "${targets[@]}")
rm -rf "$tmp/out"
build
is "$(cd "$tmp/out" && sha256sum "${targets[@]}")" "$first" "and what was made anew is what a clean folder has"

# ---- the version ----
version=$(<"$HS_TOP/VERSION")
like "$version" '^[0-9]+\.[0-9]+\.[0-9]+(-dev)?$' "VERSION holds one version"
like "$(make -s --no-print-directory -C "$HS_TOP" help | head -n 1)" "^hyperscope $version$" "make help begins with it"
commit=$(git -C "$HS_TOP" describe --tags --always 2>/dev/null)
like "$("$HS_TOP/scripts/hyperscope" --version)" "^hyperscope $version( \($commit(\+changes)?\))?$" "hyperscope --version adds git's name of the commit"
like "$("$HS_TOP/scripts/hyperscope" --version run 2>&1)" "^hyperscope: --version takes no argument, not 'run'" "--version with a command is refused"
mkdir "$tmp/unpacked" && cp -r "$HS_TOP/scripts" "$HS_TOP/VERSION" "$tmp/unpacked"
is "$("$tmp/unpacked/scripts/hyperscope" --version)" "hyperscope $version" "a tree that is no clone names no commit, least of all of the clone around it"
echo abcdef123456 >"$tmp/unpacked/.commit"
is "$("$tmp/unpacked/scripts/hyperscope" --version)" "hyperscope $version (abcdef123456)" "an unpacked archive names the commit that it was made of"
rm "$tmp/unpacked/VERSION"
like "$("$tmp/unpacked/scripts/hyperscope" --version 2>&1)" "^hyperscope: cannot read .*/VERSION: No such file" "a tree without VERSION is told"
done_testing
