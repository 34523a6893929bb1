#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.t - the source checks of `make check`, one claim each, with --shallow (check.slow.t runs tidy
# without it); a check whose tool is missing is skipped. Time-out: 300 seconds.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1

# The checks get the list of files from git, so they cannot run without it.
git rev-parse --git-dir >/dev/null 2>&1 || skip_all "this tree is not a git checkout"

# Leave out `commits`: a test must not fail because of a local commit's subject.
for name in $(sed -n 's/^all=(\(.*\))$/\1/p' scripts/shell/check); do
	[ "$name" != commits ] || continue
	said=$(scripts/hyperscope check --out "$O" --shallow "$name" 2>&1)
	result=$?
	reason=$(sed -n "s/^check: $name: skipped: //p" <<<"$said")
	if [ -n "$reason" ]; then
		skip "$name" "$reason"
	else
		ok $result "$name" || diag "$(grep -E 'error|warning|:[0-9]+:|not|lines' <<<"$said" | head -n 20)"
	fi
done
is "$((tests_run >= 9))" 1 "there are at least nine checks"

# ---- the order of the subsystems ----
order() { scripts/hyperscope check-order --root "$tmp/tree"; }
plant()	# NAME: make file NAME in src/kvm, or src/$tree, from standard input; make its object too
{
	local src=src/${tree:-kvm}
	mkdir -p "$tmp/tree/$src/${1%/*}" "$tmp/tree/build/kernel/$src/${1%/*}"
	cat >"$tmp/tree/$src/$1"
	[ "${1##*.}" = h ] ||
		gcc -c -o "$tmp/tree/build/kernel/$src/$1.o" -I "$tmp/tree/$src" "$tmp/tree/$src/$1"
}
plant uapi/api.h <<<'int api(void);'
plant uapi/api.c <<<'int walk(void); int api(void) { return walk(); }'
plant mmu/walk.c <<<'int walk(void) { return 0; }'
is "$(order; echo $?)" 0 "a call into a lower subsystem is accepted"
plant mmu/walk.c <<<'int api(void); int walk(void) { return api(); }'
is "$(order; echo $?)" "src/kvm/mmu/walk.c refers to api in uapi/api.c, which belongs to a higher subsystem
1" "a call into a higher subsystem is refused"
plant mmu/walk.c <<'END'
#include "uapi/api.h"
int walk(void) { return 0; }
END
is "$(order; echo $?)" "src/kvm/mmu/walk.c:1: uapi/api.h belongs to a higher subsystem
1" "a header of a higher subsystem is refused"
plant mmu/walk.c <<<'int walk(void) { return 0; }'
plant mmu/moved.c <<<'int api(void); int moved(void) { return api(); }'
rm "$tmp/tree/src/kvm/mmu/moved.c"
is "$(order; echo $?)" 0 "an object whose source was removed is ignored"
tree=host plant file/pipe.c <<<'int exits(void) { return 0; }'
tree=host plant mm/page.c <<<'int exits(void); int oom_wait(void); int page(void) { return exits() + oom_wait(); }'
tree=host plant proc/oom.c <<<'int oom_wait(void) { return 0; }'
is "$(order | grep page.c; order | grep -c 'oom_wait in\|to oom_wait')" "src/host/mm/page.c refers to exits in file/pipe.c, which belongs to a higher subsystem
0" "a call into a higher subsystem of the host is refused, unless it is listed"
like "$(order)" 'nothing in mm refers to oom_round any more' "an unused entry of the list is reported"

# ---- replaced words ----
is "$(cd scripts && python3 -B -c 'from hs.commands.check_words import REPLACED, faults
one, two = list(REPLACED)[:2]
print(list(faults("A %s, %s_more.\nIs it %s?" % (one.capitalize(), one, two))) == [(1, one.capitalize()), (2, two)])')" True \
	"a replaced phrase is found in upper and lower case, but not inside a longer word"

# ---- subjects of commits ----
said=$(scripts/hyperscope check-commits --subjects 2>&1 <<'END'
kvm/gstage: split a 2M leaf before a page of it is logged
host, kvm, vmm: rewrite comments on memory accounting and resets
tests/lib/lab.sh: process, need, string and embed are verbs, too
COURSE.md: bring the map of concepts up to date
Revert "kvm/wfi: yield on wrs.nto when another thread wants the hart"
END
)
is "$?:$said" "0:" "subjects in the imperative are accepted"
while IFS='|' read -r subject why; do
	said=$(scripts/hyperscope check-commits --subjects <<<"$subject")
	like "$? $said" "^1 .*: $why" "the subject '$subject' is refused"
done <<'END'
split a 2M leaf before a page of it is logged|it does not begin with an area
scripts/hyperscope new: add a lab|it does not begin with an area
kvm/gstage:split a leaf|it does not begin with an area
kvm/gstage: split a leaf.|it ends with a full stop
kvm/gstage: split a 2M leaf before a page of it is logged, and fence what is stale|it has 82 characters
kvm/gstage: splits a leaf|'splits' is not an imperative
kvm/gstage: splitting of a leaf|'splitting' is not an imperative
kvm/gstage: fixed a leaf|'fixed' is not an imperative
kvm/gstage: what a leaf is|'what' is not an imperative
kvm/gstage: wrs.nto is a hint|'wrs.nto is' begins a statement
END
git -c user.name=t -c user.email=t init -q "$tmp/repository"
mkdir "$tmp/repository/scripts" && cp -R scripts/hyperscope scripts/hs "$tmp/repository/scripts"
commit() { git -C "$tmp/repository" -c user.name=t -c user.email=t commit -q --allow-empty -m "$1"; }
commit "what was before"
said=$("$tmp/repository/scripts/hyperscope" check-commits 2>&1)
like "$? $said" "^3 .*no remote 'origin'" "check-commits reports that a clone has no origin"
git -C "$tmp/repository" update-ref refs/remotes/origin/main HEAD
commit "kvm: add a thing"
is "$("$tmp/repository/scripts/hyperscope" check-commits; echo $?)" 0 "a commit that origin has is not checked"
commit "kvm: things"
like "$("$tmp/repository/scripts/hyperscope" check-commits; echo $?)" "^[0-9a-f]+ kvm: things: 'things' is not an imperative" "a commit that origin does not have is checked"

# ---- references ----
printf '%s\n' '# The `first` heading' '[here](#the-first-heading) [there](b.md#second)' '`b.md:/^# Second/`' >"$tmp/repository/a.md"
printf '%s\n' '# Second' '[no](a.md#second)' '[none](c.md)' '`a.md:/^# Second/`' >"$tmp/repository/b.md"
git -C "$tmp/repository" add a.md b.md
is "$("$tmp/repository/scripts/hyperscope" check-refs; echo $?)" 'b.md:2: a link to #second, which a.md does not have
b.md:3: a link to c.md, which does not exist
b.md:4: no line of a.md matches /^# Second/
1' "links to headings and files, and references to lines, have to lead somewhere"
done_testing
