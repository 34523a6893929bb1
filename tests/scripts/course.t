#!/bin/bash
# SPDX-License-Identifier: MIT
#
# course.t - everything that is named in COURSE.md or in the figures of the docs exists; missing or
# wrong names are detected.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1
git rev-parse --git-dir >/dev/null 2>&1 || skip_all "this tree is not a git checkout"
copy=$tmp/copy
mkdir "$copy" || exit 1

scripts/hyperscope course --pages >"$copy/said" 2>&1
ok $? "everything that the course names exists" || diag "$(cat "$copy/said")"
scripts/hyperscope figures --docs --check >"$copy/said" 2>&1
ok $? "the docs' figures are current" || diag "$(cat "$copy/said")"

git ls-files --cached --others --exclude-standard | cpio -pdm --quiet "$copy/tree" 2>/dev/null
cd "$copy/tree" && git init -q . || exit 1

# notices CLAIM SENTENCE FILE SED [CHECK]: claim that CHECK prints SENTENCE after SED has changed
# FILE
notices()
{
	local claim=$1 want=$2 file=$3 edit=$4 tool=${5:-scripts/hyperscope course --pages} said
	cp "$file" "$copy/kept"
	sed -i "$edit" "$file"
	said=$($tool 2>&1)
	grep -qF -- "$want" <<<"$said"
	ok $? "$claim" || diag "$(head -n 5 <<<"$said")"
	cp "$copy/kept" "$file"
}
draw='scripts/hyperscope figures --docs --check world-switch'
notices "an event that was removed is reported" "no event kvm_page_fault" trace/events.def 's/EVENT(kvm_page_fault,/EVENT(kvm_other,/'
notices "a toggle's value that was removed is reported" "toggle fastpath has no value off" src/kvm/toggle.def 's/fastpath, "on off"/fastpath, "on none"/'
notices "a new toggle that the map lacks is reported" "the map does not have the toggle color" src/kvm/toggle.def '/^TOGGLE(vmid/iTOGGLE(color, "red blue", 0, "?")'
notices "a tour that does not exist is reported" "no tour nowhere" COURSE.md 's/| `gstage-fault` |/| `nowhere` |/'
notices "a file that does not exist is reported" "no src/kvm/nothing.c" COURSE.md 's,`src/kvm/context.h`\,$,`src/kvm/nothing.c`\,,'
notices "a make target that does not exist is reported" "no target sing" COURSE.md 's/^    make report/    make sing/'
notices "a row that the bench does not have is reported" "no row sbi_nothing" COURSE.md 's/EXIT=sbi_version/EXIT=sbi_nothing/'
notices "a question without an answer is reported" "question 1.1 has no answer" docs/course/answers.md 's/^- \*\*1.1\*\*/- 1.1/'
notices "an outdated picture is reported" "is not current" docs/figures/world-switch.py 's/the guest runs/a guest runs/' "$draw"
notices "a function that is not in a figure's sources is reported" '`vcpu_swap` does not occur in any of' docs/figures/world-switch.py 's/`vcpu_switch()`/`vcpu_swap()`/' "$draw"
notices "text that does not fit its box is reported" "pixels wide, but its box" docs/figures/world-switch.py 's/"\*1  host/"*1  many a word about what happens to host/' "$draw"
notices "overlapping boxes are reported" "overlaps" docs/figures/world-switch.py 's/fig.box(480, 36/fig.box(300, 36/' "$draw"
cd "$HS_TOP" || exit 1

# The figure of the world switch gives the number of instructions in steps 1 to 3 and in steps 4 to 6.
count()	# FIRST LAST: count the instructions from symbol FIRST up to symbol LAST in the object
{
	riscv64-linux-gnu-objdump -d --no-show-raw-insn "$O/kernel/src/kvm/exit/switch.S.o" |
		awk -v first="<$1>:" -v last="<$2>:" '$2 == first { on = 1 } $2 == last { on = 0 }
			on && $1 ~ /^[0-9a-f]+:$/ && !/c?.nop|unimp/ { n++ } END { print n + 0 }'
}
shown()	# FIRST LAST: print the sum of these steps' counts in the figure
{
	sed -n 's/.*"\*\([1-6]\) .*(\([0-9]*\))".*/\1 \2/p; s/.*"\*[1-6] .*(\([0-9]*\)).*"\*\([1-6]\) .*(\([0-9]*\)).*/\2 \3/p' docs/figures/world-switch.py |
		awk -v from="$1" -v to="$2" '$1 >= from && $1 <= to { n += $2 } END { print n }'
}
if [ -f "$O/kernel/src/kvm/exit/switch.S.o" ] && command -v riscv64-linux-gnu-objdump >/dev/null; then
	is "$(shown 1 3)" "$(count vcpu_switch vcpu_exit_vector)" "the figure shows as many instructions into the guest as the kernel has"
	is "$(shown 4 6)" "$(count vcpu_exit_vector none)" "the figure shows as many instructions out of the guest as the kernel has"
else
	skip "the figure shows as many instructions as the kernel has" "there is no finished build"
fi
done_testing
