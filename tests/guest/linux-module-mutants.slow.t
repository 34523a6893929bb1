#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-mutants.slow.t - plant mistakes in the Linux module, one at a time, and check that
# linux-module-random.slow.t detects each of them on Debian's kernel, in at most three runs of 25 rounds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"

# A build folder with links to $O, but with a module of its own; the time of these runs is not recorded.
out=$tmp/out_folder tree=$tmp/out_folder/linux-module
mkdir "$out"
for file in "$O"/*; do
	case ${file##*/} in
	linux-module | hyperscope.ko | fuzz) ;;
	*) ln -s "$file" "$out" ;;
	esac
done

module()	# VARIABLE=VALUE...
{
	make -s -C "$HS_TOP" O="$out" linux-module-only "$@"
}

mutant_module()	# FILE
{
	rm "$tree/$1" && cp "$tmp/mutant.c" "$tree/$1" && module MODULE_FOLDERS=
}

module >"$tmp/make" 2>&1
is $? 0 "the module builds" || diag "$(tail -n 5 "$tmp/make")"

mutant()	# NAME FILE SUBSTITUTION REPORT
{
	planted "$1: detected" "$2" "$3" "$tmp/mutant.c" mutant_module "$2" || return
	for seed in 4001 8001 12001; do # what the threads do at the same time differs from run to run
		O=$out HS_KERNEL=stable ROUNDS=25 bash "$HS_TOP/tests/guest/linux-module-random.slow.t" $seed >"$tmp/random" 2>&1
		grep -aq "$4" "$tmp/random" && break
	done
	like "$(grep -a '^not ok\|^# ' "$tmp/random" | tail -n 400)" "$4" "$1: detected"
	ln -sf "$HS_TOP/$2" "$tree/$2"
	find "$tree" -name "$(basename "$2" .c).o" -delete # it is newer than the intact source
}

mutant "a program does not get its FP registers back" src/linux/thread.c \
	's/(\t\tkvm_units_release\(\);\n)\t\tfp_give_back\(here\);/$1\t\there->taken &= ~FP_TAKEN;/' \
	'after KVM_RUN, f[0-9]* is'
mutant "a guest can write to a page that its program can only read" src/linux/user.c \
	's/leaf & _PAGE_WRITE && get_user_pages_fast_only\(hva, 1, FOLL_WRITE, /leaf && get_user_pages_fast_only(hva, 1, 0, /' \
	'not ok [0-9]* - .*pages that no guest has are still zero'
mutant "a guest keeps the pages that Linux takes from it" src/kvm/mmu/notifier.c \
	's/(\tslots = memslots_hold_locked\(vm\);\n\tany = )for_range/${1}opens ? false : for_range/' \
	'pagealloc: memory corruption'
mutant "KVM_RUN in a child process has a wrong result" src/kvm/exit/run.c \
	's/(if \(ret\)\n\t\treturn )ret(;\n\tif \(hv_mutex_lock_killable)/${1}ret == -EIO ? -600 : ret$2/' \
	'not ok [0-9]* - .*no process of a round, nor its children'
mutant "KVM_RUN does not unlock its vCPU after an error" src/kvm/exit/run.c \
	's/(KVM_RUN, ret\);\n)\thv_mutex_unlock/$1\tif (ret != -EFAULT)\n\t\thv_mutex_unlock/' \
	'has not ended 20 s after its threads were told to stop'
done_testing
