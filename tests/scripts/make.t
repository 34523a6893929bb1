#!/bin/bash
# SPDX-License-Identifier: MIT
#
# make.t - make rebuilds exactly what a change of flags, compiler or offsets affects,
# compile_commands.json is complete and correct, and the tree's version is that in the file
# VERSION.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

switch=kernel/$(cd "$HS_TOP" && find src/kvm -name switch.S).o
targets=("$switch" kernel/src/host/lib/string.c.o kernel/libfdt/fdt.o user/src/vmm/marker.c.o user/libfdt/fdt.o
	guest-payloads/obj/src/guest/fdt.c.o tests/progs/ends)

build()	# ASSIGNMENT...: build the targets in the test's own folder; $made lists the compiled files
{
	made=$(make -C "$HS_TOP" -j2 O="$tmp/out" UAPI="$O/uapi" LIBFDT_SRC="$O/libfdt" "$@" \
		"${targets[@]/#/$tmp/out/}" 2>&1) || diag "$made"
	made=$(sed -n 's/^ *CC *//p' <<<"$made" | sort | tr '\n' ' ')
}
all=$(printf '%s\n' "${targets[@]}" gen/{host,kvm}_offsets.s | sort | tr '\n' ' ')

build
is "$made" "$all" "missing files are made"
build
is "$made" "" "files that exist are not made a second time"
build "AREA_kvm=-DSOMETHING"
is "$made" "$all" "another flag rebuilds everything"

mkdir "$tmp/bin"
cat >"$tmp/bin/other-gcc" <<'END'
#!/bin/sh
[ "$1" = --version ] && echo "other-gcc 99.1" || exec riscv64-linux-gnu-gcc "$@"
END
chmod +x "$tmp/bin/other-gcc"
PATH=$tmp/bin:$PATH build CROSS_COMPILE=other-
is "$made" "$all" "another compiler rebuilds everything"

build
first=$(cd "$tmp/out" && sha256sum "${targets[@]}")
rm -rf "$tmp/out"
build
is "$(cd "$tmp/out" && sha256sum "${targets[@]}")" "$first" "a rebuilt folder has the same files as a clean one"

touch "$tmp/out/gen/kvm_offsets.s"
build
is "$made" "" "offsets that are computed again without a change do not rebuild any assembly"
sed -i 's/"->GUEST_sepc [0-9]*/"->GUEST_sepc 8/' "$tmp/out/gen/kvm_offsets.s"
build
is "$made" "$switch " "offsets that changed rebuild the assembly that includes them"

rm "$tmp/out/gen/kvm_offsets.h"
(cd "$tmp" && make -f "$HS_TOP/Makefile" O=out UAPI="$O/uapi" LIBFDT_SRC="$O/libfdt" out/gen/kvm_offsets.h) >"$tmp/said" 2>&1
ok $? "a file of the output folder can be named by a relative path" || diag "$(cat "$tmp/said")"
[ -e "$tmp/out/gen/kvm_offsets.h" ]
ok $? "and is made"

# A student's tree lacks most of these programs.
if [ ! -e "$HS_TOP/lab.list" ]; then
	while read -r header list; do
		like "$(<"$O/tests/$list")" "/$header" "$list, which make reads, has $header"
	done <<-'END'
		src/vmm/vmm.h vmm/taken_over.rv.d
		src/include/hv/kvm_compat.h kvm-api/run.d
		tests/kvm/hypervisor.h kvm/stress.d
		tests/linux-abi/descriptors.h linux-abi/file_tree.d
	END
fi

mkdir -p "$tmp/foreign/dl" "$tmp/sources"
touch "$tmp/sources/Makefile" "$tmp/sources/build.lock"
for folder in foreign sources; do
	out=$(make -s -C "$HS_TOP" O="$tmp/$folder" clean 2>&1)
	is "$? $(cd "$tmp" && echo foreign/* sources/*)" "2 foreign/dl sources/Makefile sources/build.lock" \
		"make clean removes nothing from a folder with $folder"
	like "$out" "$folder is not a folder in which hyperscope was built" "and says so"
done

# ---- wrong values are refused before anything is fetched or built ----
while read -r words; do
	# shellcheck disable=SC2086
	out=$(make -s -C "$HS_TOP" --no-print-directory O="$tmp/none" $words 2>&1)
	like "$? $(head -n 1 <<<"$out")" "^2 (tests/fuzz/run|proofs|tests/run|rows): (there is no|--seconds|README.md is not a test|toggle fp takes)" \
		"make $words is refused"
done <<-'END'
	fuzz FUZZ=nosuch
	fuzz TIME=x
	proofs PROOFS=nosuch
	test TESTS=README.md
	test TESTS=nosuch.t
	test SET=fp=bogus
END
[ ! -e "$tmp/none" ]
ok $? "and creates nothing"
out=$(make -C "$HS_TOP" -n O="$tmp/none" UAPI="$O/uapi" LIBFDT_SRC="$O/libfdt" SETUP=: FUZZ="elf cpio" fuzz 2>/dev/null)
is "$(sed -n 's/^ *FUZZLD *//p' <<<"$out" | xargs)" "fuzz/elf fuzz/cpio" "make fuzz builds only the targets that FUZZ names"

# ---- compile_commands.json ----
out=$(make -C "$HS_TOP" O="$O" COMPILE_COMMANDS="$tmp/commands" compile_commands.json 2>&1) || diag "$out"
cat >"$tmp/ask.py" <<'END'
import json, os, sys
top, found = sys.argv[1], json.load(open(sys.argv[2]))
files = {os.path.relpath(entry["file"], top): entry["arguments"] for entry in found}
problems = [name for name, words in files.items() if not os.path.isfile(os.path.join(top, name)) or words[-2:] != ["-c", os.path.join(top, name)]]
print("files:", " ".join(problems) if problems or len(found) != len(files) else "ok")
wanted = [os.path.join(at, name)[len(top) + 1:] for part in ("src", "trace", "tests") for at, _, names in os.walk(os.path.join(top, part))
          for name in names if name.endswith(".c")]
lacking = sorted(set(wanted) - set(files) - {"trace/export/ctf.c", "trace/export/perfetto.c", "trace/export/perfetto_track.c"})
lacking = [name for name in lacking if not name.startswith(("src/linux/", "tests/kvm-api/noise/"))]  # by Kbuild
print("lacking:", " ".join(lacking) or "none")
folders = {word[2:] for words in files.values() for word in words if word.startswith("-I")}
print("folders:", " ".join(folder for folder in folders if not os.path.isdir(folder)) or "ok")
kernel = [name for name, words in files.items() if name.startswith(("src/kvm/", "src/host/")) and "-nostdinc" not in words]
print("kernel:", " ".join(kernel) or "ok")
END
said=$(python3 "$tmp/ask.py" "$HS_TOP" "$tmp/commands" 2>&1)
like "$said" "^files: ok$" "compile_commands.json has one entry per file, and each file exists"
like "$said" "^lacking: none$" "each C file in src, trace and tests, except those for Kbuild, has an entry in compile_commands.json"
like "$said" "^folders: ok$" "each folder of an -I option exists"
like "$said" "^kernel: ok$" "the core and the host are compiled as for the kernel, not as for a test"
if command -v clangd >/dev/null && clangd --version | grep -q 'version 14'; then
	mkdir "$tmp/db" && cp "$tmp/commands" "$tmp/db/compile_commands.json"
	for file in src/kvm/exit/run.c trace/html/run.c tests/linux-abi/memory.c; do
		clangd --compile-commands-dir="$tmp/db" --check="$HS_TOP/$file" --check-lines=1 >"$tmp/clangd" 2>&1
		is "$(sed -n 's/.*All checks completed, //p' "$tmp/clangd")" "0 errors" "clangd reads $file" || diag "$(grep '^E' "$tmp/clangd")"
	done
fi

# ---- the version ----
version=$(<"$HS_TOP/VERSION")
like "$version" '^[0-9]+\.[0-9]+\.[0-9]+(-dev)?$' "VERSION holds one version"
like "$(make -s --no-print-directory -C "$HS_TOP" help | head -n 1)" "^hyperscope $version$" "make help begins with the version"
commit=$(git -C "$HS_TOP" describe --tags --always 2>/dev/null)
like "$("$HS_TOP/scripts/hyperscope" --version)" "^hyperscope $version( \($commit(\+changes)?\))?$" "hyperscope --version adds git's name for the commit"
like "$("$HS_TOP/scripts/hyperscope" --version run 2>&1)" "^hyperscope: --version takes no argument, not 'run'" "--version with a command is refused"
mkdir "$tmp/unpacked" && cp -r "$HS_TOP/scripts" "$HS_TOP/VERSION" "$tmp/unpacked"
is "$("$tmp/unpacked/scripts/hyperscope" --version)" "hyperscope $version" "a tree that is not a clone names no commit, not even that of a clone around it"
cp -r "$tmp/unpacked" "$tmp/repository"
mkdir "$tmp/repository/docs" "$tmp/repository/tests"
: >"$tmp/repository/docs/page.svg"
: >"$tmp/repository/tests/payload.c"
(cd "$tmp/repository" && git init -q && git add . && git -c user.name=t -c user.email=t@t commit -qm all)
names()	# print the commit in --version and the one that results and traces state
{
	"$tmp/repository/scripts/hyperscope" --version | sed 's/.*(//; s/)//'
	PYTHONPATH=$tmp/repository/scripts python3 -B -c 'from hs.bench import provenance; print(provenance.commit())'
}
echo >"$tmp/repository/docs/page.svg"
like "$(names | xargs)" '^[0-9a-f]+ [0-9a-f]{12}$' "a change of the documentation does not count as a change of the commit"
echo >"$tmp/repository/tests/payload.c"
like "$(names | xargs)" '^[0-9a-f]+\+changes [0-9a-f]{12}\+changes$' "a change of a payload does, for --version, results and traces"
echo abcdef123456 >"$tmp/unpacked/.commit"
is "$("$tmp/unpacked/scripts/hyperscope" --version)" "hyperscope $version (abcdef123456)" "an unpacked archive names the commit that it was made from"
rm "$tmp/unpacked/VERSION"
like "$("$tmp/unpacked/scripts/hyperscope" --version 2>&1)" "^hyperscope: cannot read .*/VERSION: No such file" "a tree without VERSION is reported"
done_testing
