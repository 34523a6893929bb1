# SPDX-License-Identifier: MIT
#
# judges.sh - the judges of tests/judges/run, which sources this file.
#
# A judge has two functions. applies_NAME MISTAKE fails, and sets $why, if the judge does not run the
# mistake's file. judge_NAME MISTAKE runs in the copy of the tree: $HS_TOP is its folder, and $O its
# output folder. judge_NAME returns 0 if everything passes, 1 if something fails (it then has printed
# "failed: WHAT"), and 2 if a source does not compile.

# ---- helpers ----

build()	# TARGET...
{
	make -s -j"${HS_JOBS:-1}" -f "$HS_TOP/Makefile" O="$O" HERE=judges "$@" || exit 2
}

failed()	# WHAT
{
	echo "failed: $1"
	exit 1
}

# Run a command for at most SECONDS, and print its output. If it fails, the judge has failed.
try()	# WHAT SECONDS COMMAND...
{
	local what=$1 status
	timeout --kill-after=5 $(($2 * HS_TIME_SCALE)) "${@:3}" >"$copy/said" 2>&1
	status=$?
	tr -d '\0' <"$copy/said"
	[ $status = 0 ] && return
	failed "$what: $(why_of $status)"
}

# Print the first line of the output that tells why a run failed.
why_of()	# STATUS
{
	tr -d '\0\r' <"$copy/said" | sed -n -E '/^not ok/ { s/not ok ([0-9]* )?-? ?//p; q }; /panic|SUMMARY|runtime error|DOES NOT HOLD|ERROR: |^machine: |^native [A-Z]+: / { p; q }' |
		grep . || { [ "$1" = 124 ] && echo "time-out" || echo "status $1"; }
}

# Do the compiler's *.d files in a FOLDER below $O name the file?
compiled_into()	# FILE FOLDER...
{
	local file=$1
	shift
	grep -rqF --include='*.d' -- "$file" "${@/#/$O/}" 2>/dev/null
}

in_kernel()	# MISTAKE
{
	why="the file is not part of the kernel"
	[[ ${file_of[$1]} == src/kvm/* || ${file_of[$1]} == src/host/* || ${file_of[$1]} == src/include/* ]]
}

# ---- native: the programs for the build machine, under ASan and UBSan, or TSan ----

applies_native()
{
	why="no program for the build machine contains the file"
	[ -n "$(native_programs "${file_of[$1]}")" ]
}

# Print the programs that contain a file. Those of tests/native contain all of src/kvm, and its headers.
native_programs()	# FILE
{
	local folder=$O/tests
	case $1 in
	'') find "$folder"/{native,tsan,sched,files} -executable -name 't*_*' | sort ;;
	src/kvm/* | src/include/*) find "$folder"/{native,tsan} -executable -name 'test_*' | sort ;;
	src/host/sched/mutex.c) ls "$folder"/sched/*_mutex ;;
	src/host/fs/initramfs.c) ls "$folder"/files/test_initramfs ;;
	src/host/fs/inode.c | src/host/fs/names.c) ls "$folder"/files/test_{initramfs,names,path,rename} ;;
	src/host/fs/path.c) ls "$folder"/files/test_path ;;
	esac
}

judge_native()
{
	local programs own program
	programs=$(native_programs "${file_of[$1]:-}")
	own=$O/tests/${test_of[$1]:-}
	# The program that came with the fix is the first.
	if grep -qxF "$own" <<<"$programs"; then
		build "$own"
		try "${own#"$O"/tests/}" 60 "$HS_TOP/tests/lib/run-one" "$own"
		programs=$(grep -vxF "$own" <<<"$programs")
	fi
	# shellcheck disable=SC2086  # several programs
	build $programs
	for program in $programs; do
		try "${program#"$O"/tests/}" 60 "$HS_TOP/tests/lib/run-one" "$program"
	done
}

# ---- litmus: herd7 on the compiled kernel ----

applies_litmus()
{
	why="no handshake has a step in the file"
	grep -qF -- "${file_of[$1]}" "$HS_TOP/scripts/litmus.handshakes"
}

judge_litmus()
{
	if ! [ -x "$O/herd7/herd7" ] && ! command -v "${HERD7:-herd7}" >/dev/null; then
		echo "1..0 # SKIP herd7 is not installed: run 'scripts/hyperscope setup herd7'"
		return 0
	fi
	build "$O/hyperscope.bin"
	timeout 300 scripts/hyperscope litmus --out "$O" >"$copy/said" 2>&1 && return
	[ $? = 1 ] || failed "no verdict: $(tail -n 1 "$copy/said")"
	cat "$copy/said"
	failed "$(grep -m 1 -E ' possible|not needed' "$copy/said" || tail -n 1 "$copy/said")"
}

# ---- proofs: CBMC ----

# Print the proofs whose preprocessed sources name a file of src.
proofs_of()	# FILE
{
	local proof
	for proof in "$HS_TOP"/tests/proofs/*.c; do
		proof=$(basename "$proof" .c)
		grep -qF "\"$1\"" "$O/proofs/$proof".*.i 2>/dev/null && echo "$proof"
	done
}

applies_proofs()
{
	local file=${file_of[$1]}
	why="no proof compiles the file"
	file=${file#src/*/}
	grep -qE "(Sources:|#include).*\b${file//./\\.}" "$HS_TOP"/tests/proofs/*.c
}

judge_proofs()
{
	local file=${file_of[$1]:-} proofs
	if ! [ -x "$O/cbmc/cbmc" ] && ! command -v "${CBMC:-cbmc}" >/dev/null; then
		echo "1..0 # SKIP CBMC is not installed: run 'scripts/hyperscope setup cbmc'"
		return 0
	fi
	file=${file#src/*/}
	[ "$1" != none ] || { try "proofs" 1500 tests/proofs/run --out "$O"; return; }
	proofs=$(grep -lE "(Sources:|#include).*\b${file//./\\.}" tests/proofs/*.c | xargs -n 1 basename -s .c)
	ulimit -v 6000000
	# shellcheck disable=SC2086
	try "$(echo $proofs)" 1500 tests/proofs/run --out "$O" --sources "$HS_TOP/src/$(cut -d/ -f2 <<<"${file_of[$1]}")" $proofs
}

# ---- equivalence: 1000 random programs, bare and in a guest ----

applies_equivalence()
{
	why="a guest's instructions do not depend on the file"
	[[ ${file_of[$1]} == src/kvm/* ]]
}

judge_equivalence()
{
	build "$O/hyperscope.bin" "$O/vmm"
	timeout 600 scripts/hyperscope equivalence --out "$O" --count 1000 --quiet --failures 0 --timeout 120 >"$copy/said" 2>&1 && return
	cat "$copy/said"
	failed "$(grep -m 1 -E '^the first|^guest|panic' "$copy/said" || tail -n 1 "$copy/said")"
}

# ---- syscalls: random sequences of system calls ----

applies_syscalls()
{
	why="the fuzzer's machine does not contain the file"
	[[ ${file_of[$1]} == src/kvm/* ]] || compiled_into "/${file_of[$1]}" tests/syscalls/obj
}

judge_syscalls()
{
	local program=$O/tests/syscalls/syscalls
	build "$program"
	try "found and corpus" 300 "$program" tests/syscalls/found/* tests/fuzz/corpus/syscalls/*
	try "random sequences" 300 "$program" --random 1 5000
	# clang's UBSan reports more than gcc's, and libFuzzer follows what an input has reached.
	command -v clang >/dev/null || return 0
	program=$O/fuzz/syscalls
	build "$program"
	rm -rf "$copy/inputs" && mkdir "$copy/inputs"
	try "libFuzzer" 300 "$program" -runs=5000 -seed=1 -artifact_prefix="$copy/inputs/" "$copy/inputs" \
		tests/syscalls/found tests/fuzz/corpus/syscalls
}

# ---- harts: random sequences of system calls on three harts, under TSan ----

applies_harts()
{
	why="the program for three harts does not contain the file"
	[ -e "$O/tests/syscalls/harts" ] || build "$O/tests/syscalls/harts" # which also lists its files
	[[ ${file_of[$1]} == src/kvm/* ]] || compiled_into "/${file_of[$1]}" tests/syscalls/tsan
}

judge_harts()
{
	local program=$O/tests/syscalls/harts seed
	build "$program"
	for seed in 1 2 3; do try "seed $seed" 300 "$program" $seed 300; done
}

# ---- fuzz: the targets that contain the file, their corpus and 50 damaged copies of each input ----

fuzz_targets()	# FILE
{
	case $1 in
	src/kvm/*) echo ioctl insn register sbi toggles ;;
	src/host/fs/initramfs.c | src/host/fs/inode.c | src/host/fs/names.c | src/host/fs/path.c) echo cpio ;;
	src/host/proc/elf.c) echo elf ;;
	src/host/platform/fdt.c | src/host/platform/imsic_layout.c) echo fdt ;;
	src/vmm/*) echo mmio restore ;;
	esac
}

applies_fuzz()
{
	why="no target contains the file"
	[ -n "$(fuzz_targets "${file_of[$1]}")" ]
}

judge_fuzz()
{
	local target targets
	targets=$(fuzz_targets "${file_of[$1]:-src/kvm/}")
	# shellcheck disable=SC2046,SC2086  # several targets
	build $(printf "$O/tests/fuzz/%s " $targets)
	for target in $targets; do
		try "$target" 300 "$O/tests/fuzz/$target" 50 tests/fuzz/corpus/"$target"/*
	done
}

# ---- debug: the debug kernel, with payloads and programs of tests/kvm-api and tests/linux-abi ----

applies_debug() { in_kernel "$1"; }

judge_debug() { try "debug/programs.t" 300 bash "$HS_TOP/tests/debug/programs.t"; }

# ---- Spike: payloads in VMs ----

applies_Spike() { in_kernel "$1"; }

judge_Spike()
{
	build "$O/hyperscope.bin"
	try "guests" 600 bash "$here/guests" spike
}

# ---- own: the test that came with the fix ----

applies_own()
{
	why="no test came with the fix"
	[ -n "${test_of[$1]}" ]
}

judge_own()
{
	local test=${test_of[$1]} options=()

	case $test in
	native/* | tsan/* | sched/* | files/*)
		build "$O/tests/$test"
		try "$test" 60 "$HS_TOP/tests/lib/run-one" "$O/tests/$test"
		;;
	*.t)
		build "$O/hyperscope.bin"
		try "$test" 300 bash "$HS_TOP/tests/$test"
		;;
	guest/*)
		build "$O/hyperscope.bin"
		try "$test" 60 bash "$here/guests" "${test#guest/}"
		;;
	*) # three runs, because some mistakes need a race
		build "$O/hyperscope.bin" "$O/tests/$test"
		[ "$test" != linux-abi/hogs ] || options=(--memory 72M) # as in abi.t
		for _ in 1 2 3; do
			try "$test" 120 scripts/hyperscope exec --out "$O" --quiet --harts 2 --timeout 100 --env HS_OURS=1 \
				--env HS_EXACT=1 ${options[@]+"${options[@]}"} "$O/tests/$test"
			[ "$1" != none ] || break
		done
		;;
	esac
}
