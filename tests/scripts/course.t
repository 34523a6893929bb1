#!/bin/bash
# SPDX-License-Identifier: MIT
#
# course.t - everything that COURSE.md and the docs' figures name exists; missing or wrong names are
# detected.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1
git rev-parse --git-dir >/dev/null 2>&1 || skip_all "this is no git checkout"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

scripts/hyperscope course --pages >"$copy/said" 2>&1
ok $? "everything that the course names exists" || diag "$(cat "$copy/said")"
scripts/hyperscope figures --docs --check >"$copy/said" 2>&1
ok $? "the figures are what their sources say" || diag "$(cat "$copy/said")"

git ls-files --cached --others --exclude-standard | cpio -pdm --quiet "$copy/tree" 2>/dev/null
cd "$copy/tree" && git init -q . || exit 1

# CLAIM SENTENCE FILE SED: after this change of the file the check prints the sentence
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
notices "an event that is gone" "no event kvm_page_fault" trace/events.def 's/EVENT(kvm_page_fault,/EVENT(kvm_other,/'
notices "a toggle's value that is gone" "toggle fastpath has no value off" src/kvm/toggle.def 's/fastpath, "on off"/fastpath, "on none"/'
notices "a toggle that is new" "the map does not have the toggle colour" src/kvm/toggle.def '/^TOGGLE(vmid/iTOGGLE(colour, "red blue", 0, "?")'
notices "a tour that is not there" "no tour nowhere" COURSE.md 's/| `gstage-fault` |/| `nowhere` |/'
notices "a file that is not there" "no src/kvm/nothing.c" COURSE.md 's,`src/kvm/context.h`\,$,`src/kvm/nothing.c`\,,'
notices "a target of make that is not there" "no target sing" COURSE.md 's/^    make report/    make sing/'
notices "a row of the bench that is not there" "no row sbi_nothing" COURSE.md 's/EXIT=sbi_version/EXIT=sbi_nothing/'
notices "a question without an answer" "question 1.1 has no answer" docs/course/answers.md 's/^- \*\*1.1\*\*/- 1.1/'
notices "a picture that is old" "is not current" docs/figures/world-switch.py 's/the guest runs/a guest runs/' "$draw"
notices "a function that a figure's sources do not have" '`vcpu_swap` is in none of' docs/figures/world-switch.py 's/`vcpu_switch()`/`vcpu_swap()`/' "$draw"
notices "words that do not fit their box" "wide, its box" docs/figures/world-switch.py 's/"\*1  host/"*1  many a word about what happens to host/' "$draw"
notices "a box over another" "lies over" docs/figures/world-switch.py 's/fig.box(480, 36/fig.box(300, 36/' "$draw"
cd "$HS_TOP" || exit 1

# The figure of the world switch counts instructions: of steps 1 to 3, and 4 to 6.
count()	# FIRST LAST: instructions from one symbol up to another, in the object
{
	riscv64-linux-gnu-objdump -d --no-show-raw-insn "$O/kernel/src/kvm/exit/switch.S.o" |
		awk -v first="<$1>:" -v last="<$2>:" '$2 == first { on = 1 } $2 == last { on = 0 }
			on && $1 ~ /^[0-9a-f]+:$/ && !/c?.nop|unimp/ { n++ } END { print n + 0 }'
}
shown()
{
	sed -n 's/.*"\*\([1-6]\) .*(\([0-9]*\))".*/\1 \2/p; s/.*"\*[1-6] .*(\([0-9]*\)).*"\*\([1-6]\) .*(\([0-9]*\)).*/\2 \3/p' docs/figures/world-switch.py |
		awk -v from="$1" -v to="$2" '$1 >= from && $1 <= to { n += $2 } END { print n }'
}
if [ -f "$O/kernel/src/kvm/exit/switch.S.o" ] && command -v riscv64-linux-gnu-objdump >/dev/null; then
	is "$(shown 1 3)" "$(count vcpu_switch vcpu_exit_vector)" "instructions into the guest, in the figure and in the kernel"
	is "$(shown 4 6)" "$(count vcpu_exit_vector none)" "instructions out of it"
else
	skip "instructions of the switch, in the figure and in the kernel" "there is no finished build"
fi
done_testing
