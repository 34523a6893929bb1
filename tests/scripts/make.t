#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make.t - a build folder holds what its flags and its compiler make, and nothing from before.
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
done_testing
