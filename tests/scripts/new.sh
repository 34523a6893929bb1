# SPDX-License-Identifier: MIT
#
# new.sh - functions for new.t and new.slow.t that run `hyperscope new` in $tree, a copy of the tree
# that is built in $tree/build.

command -v git >/dev/null && git -C "$HS_TOP" rev-parse --git-dir >/dev/null 2>&1 ||
	skip_all "this tree is not a git checkout"
tree=$tmp/tree

# Copy the files that git tracks or would add, and commit the copy, so that `git diff` in it shows
# only what a command changes.
copy_tree()
{
	local name
	mkdir -p "$tree/build"
	(cd "$HS_TOP" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' name; do
		[ ! -e "$name" ] || printf '%s\0' "$name"
	done | tar --null -T - -cf -) | tar -xf - -C "$tree"
	for name in dl guest uapi libfdt; do
		[ ! -e "$O/$name" ] || ln -s "$O/$name" "$tree/build/$name"
	done
	git -C "$tree" init -q
	git -C "$tree" add -A
	committed "the tree"
}

committed()	# WHAT
{
	git -C "$tree" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false \
		commit -q --allow-empty -am "$1"
}

new()	# ARGS...: run `hyperscope new ARGS` in the copy; sets $status, $out and $err
{
	(cd "$tree" && scripts/hyperscope new "$@") >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
	out=$(<"$tmp/out")
	err=$(<"$tmp/err")
}

made()	# NAME ARGS...
{
	local name=$1
	shift
	new "$@"
	is "$status $err" "0 " "$name is made"
}

# Claim that the copy passes these checks of `make check`, or all of them if none is named, and
# that the scaffolds' C code is formatted.
check_accepts()	# CHECK...
{
	local said
	git -C "$tree" add -A
	said=$(cd "$tree" && scripts/hyperscope check "$@" 2>&1 |
		grep -v ': ok' | grep -v 'all checks passed')
	is "$said" "" "make check accepts the scaffolds"
	if clang-format --version 2>/dev/null | grep -q ' 14\.'; then
		said=$(cd "$tree" && git diff --cached --name-only --diff-filter=d '*.c' '*.h' |
			xargs -r clang-format --dry-run --Werror 2>&1)
		is "$said" "" "the scaffolds' C code is formatted as clang-format formats it"
	else
		skip "the scaffolds' C code is formatted as clang-format formats it" "clang-format 14 is not installed"
	fi
}

# Arguments of `hyperscope new` for the scaffolds that new.t and new.slow.t make.
event=(event kvm_wfi_count --at 'src/kvm/vcpu/wfi.c:/wfi_exit_stat/' --every-exit
	--meaning 'how many WFIs of this vCPU have exited' --field 'num:count=vcpu->stats.wfi_exit_stat')
toggle=(toggle wfi_note --values off,on,loud --question 'what does it cost to note each WFI?'
	--at 'src/kvm/vcpu/wfi.c:/wfi_exit_stat\+\+/')
sbi=(sbi odo --what 'tells a guest the number of its exits')
sbi_function=(sbi odo.get_vcpu)
device=(device odometer --what 'counts how often it is read')
payload=(payload echo --vcpus 2 --what 'repeated SBI calls, and a second hart')
row=(row sbi_vendor --what 'SBI BASE, vendor ID of the machine')
lab=(lab waiting --title 'sleeping and waking vCPUs' --region src/kvm/vcpu/wfi.c:vcpu_wfi --payload timer --number 90)
paper=(paper my_paper --title 'My paper (Workshop 2027)' --row sbi_machine --what 'SBI BASE, vendor ID of the machine')
all_scaffolds()
{
	made "an event" "${event[@]}"
	made "a toggle" "${toggle[@]}"
	made "an SBI extension" "${sbi[@]}"
	made "a second function of the SBI extension" "${sbi_function[@]}"
	made "a device" "${device[@]}"
	made "a lab" "${lab[@]}"
	made "a payload" "${payload[@]}"
	made "a row of the bench" "${row[@]}"
	made "a paper" "${paper[@]}"
}
