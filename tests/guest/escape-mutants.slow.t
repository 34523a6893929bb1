#!/bin/bash
# SPDX-License-Identifier: MIT
#
# escape-mutants.slow.t - the tests of the VMM's sandbox can fail: the VMM is built with one mistake at
# a time, and a claim of escape.t, or of escape.slow.t on Linux, has to find it. HOSTS='hyperscope
# linux' selects where, and MISTAKES=REGEX which.
#
# One rule has no mutant: that the system call's architecture is riscv64. A 64-bit kernel of RISC-V
# offers programs of 64 bits no second architecture, so a filter without the rule does the same.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"
. "$HS_TOP/tests/guest/escape.sh"
needs_built "$O/tests/vmm/sandbox_probe" "$O/tests/vmm/taken_over"

hosts=${HOSTS:-hyperscope linux}
[[ $hosts =~ ^(hyperscope|linux)( linux)?$ ]] || { echo "Bail out! HOSTS='$hosts': choose from 'hyperscope linux'"; exit 1; }
if [[ $hosts = *linux* ]] && qemu_breaks_linux_kvm; then
	diag "not on Linux: $linux_kvm_is_broken"
	hosts=${hosts/linux/}
fi
names=() wheres=() finders=() chosen=0

# Build the VMM with a mistake. On each host in WHERE, the claim that matches FOUND-BY has to fail.
mistake()	# NAME WHERE FOUND-BY SUBSTITUTION [FILE]
{
	local name=$1 where=$2 finder=$3 change=$4 file=${5:-sandbox.c} output=$tmp/mutant-${#names[@]}
	[[ $name =~ ${MISTAKES:-.} ]] || return
	chosen=$((chosen + 1))
	planted "$name: found" "src/vmm/$file" "$change" "$output.c" \
		make_mutant taken-over-mutant FILE="$file" SOURCE="$output.c" OUTPUT="$output" || return
	names+=("$name") wheres+=("$where") finders+=("$finder")
}

both="hyperscope linux"
all_calls="all system calls that the VMM does not need"

mistake "the sandbox is not entered" "$both" "Seccomp is 2 in every thread" \
	's/if \(!m->options.no_sandbox\)/if (m->options.no_sandbox)/' machine.c
mistake "the descriptor of /dev/kvm stays open" "$both" "one VM and no descriptor of /dev/kvm" 's/\tclose\(m->kvm_fd\);\n//'
mistake "the descriptor of /dev/kvm stays open, seen from outside" linux "/proc/PID/fd has no link" 's/\tclose\(m->kvm_fd\);\n//'
mistake "what the parent has left open stays open" "$both" "a file that the VMM's parent left open" \
	's/\tsyscall\(__NR_close_range[^\n]*\n//'

# Capabilities
mistake "the main thread keeps its capabilities" linux "CapEff is empty in every" \
	's/(m->kvm_fd = -1;\n)\tdrop_capabilities\(\);\n/$1/'
mistake "the other threads keep their capabilities" linux "CapEff is empty in every" 's/\tdrop_capabilities\(\);\n(\tsem_post)/$1/'
mistake "a vCPU keeps its capabilities" linux "no more memory can be locked" 's/\tdrop_capabilities\(\);\n(\tsem_post)/$1/'
keep='s/(none\[_LINUX_CAPABILITY_U32S_3\] = \{ 0 \};\n)/$1\tsyscall(__NR_capget, &header, none);\n'
mistake "permitted capabilities are kept" linux "CapPrm is empty in every" \
	"$keep"'\tfor (int i = 0; i < 2; i++)\n\t\tnone[i].effective = none[i].inheritable = 0;\n/'
mistake "inheritable capabilities are kept" linux "CapInh is empty in every" \
	"$keep"'\tfor (int i = 0; i < 2; i++)\n\t\tnone[i].effective = none[i].permitted = 0;\n/'
mistake "ambient capabilities are kept" linux "CapAmb is empty in every" \
	"$keep"'\tfor (int i = 0; i < 2; i++)\n\t\tnone[i].effective = 0;\n/'
mistake "the bounding set is kept" linux "CapBnd is empty in every" 's/\t\tsandbox_begin\(\);/\t\t;/' main.c

# The filter
mistake "no PR_SET_NO_NEW_PRIVS" hyperscope "NoNewPrivs is 1 in every thread" 's/prctl\(PR_SET_NO_NEW_PRIVS/0 \&\& $&/'
mistake "no PR_SET_NO_NEW_PRIVS: no filter can be installed" linux "the guest has made its attacks" \
	's/prctl\(PR_SET_NO_NEW_PRIVS/0 \&\& $&/'
mistake "no PR_SET_NO_NEW_PRIVS, filter by CAP_SYS_ADMIN" linux "NoNewPrivs is 1 in every thread" \
	's/prctl\(PR_SET_NO_NEW_PRIVS/0 \&\& $&/; s/(m->kvm_fd = -1;\n)\tdrop_capabilities\(\);\n/$1/'
mistake "no filter" "$both" "Seccomp is 2 in every thread" 's/\tinstall_filter\(\);\n\}/\tif (0)\n\t\tinstall_filter();\n}/'
mistake "a filter of the main thread only" "$both" "Seccomp is 2 in every thread" 's/SECCOMP_FILTER_FLAG_TSYNC/0/'
mistake "calls without a rule are allowed" "$both" "$all_calls" \
	's/(thread_rules\(&f\);\n\tresult\(&f, )SECCOMP_RET_TRAP/$1SECCOMP_RET_ALLOW/'
for call in openat kill process_vm_writev pidfd_open pidfd_getfd execve clone3 prctl io_uring_setup; do
	mistake "$call is allowed" "$both" "$all_calls" "s/\t__NR_read,\n/\$&\t__NR_$call,\n/"
done

# The rules for arguments
mistake "all ioctl requests are allowed" "$both" "all ioctl requests of KVM" \
	's/(allow_if_equal\(f, requests\[i\]\);\n\tend_call\(f, call, )SECCOMP_RET_TRAP/$1SECCOMP_RET_ALLOW/'
mistake "KVM_CREATE_VM is allowed" "$both" "ioctl KVM_CREATE_VM of any" 's/\tKVM_RUN,\n/$&\tKVM_CREATE_VM,\n/'
mistake "KVM_CREATE_VCPU is allowed" "$both" "ioctl KVM_CREATE_VCPU of any" 's/\tKVM_RUN,\n/$&\tKVM_CREATE_VCPU,\n/'
mistake "KVM_CREATE_DEVICE is allowed" "$both" "all ioctl requests of KVM" 's/\tKVM_RUN,\n/$&\tKVM_CREATE_DEVICE,\n/'
mistake "TIOCSTI is allowed" "$both" "ioctl TIOCSTI of any" 's/\tKVM_RUN,\n/$&\tTIOCSTI,\n/'
mistake "mmap makes memory executable" "$both" "mapping executable memory" \
	's/(load_arg\(f, 2\);\n)\tresult_if\(f, BPF_JSET, PROT_EXEC[^\n]*\n(\tload_arg\(f, 3\))/$1$2/'
mistake "mmap maps files" "$both" "mapping a file" \
	's/(MAP_ANONYMOUS, SECCOMP_RET_ALLOW\);\n\tend_call\(f, call, )SECCOMP_RET_TRAP/$1SECCOMP_RET_ALLOW/'
mistake "mprotect makes memory executable" "$both" "making memory executable" \
	's/(load_arg\(f, 2\);\n)\tresult_if\(f, BPF_JSET, PROT_EXEC[^\n]*\n(\tend_call)/$1$2/'
mistake "tgkill of any process" "$both" "signaling another process's thread" \
	's/(getpid\(\)\);\n\tend_call\(f, call, )SECCOMP_RET_TRAP/$1SECCOMP_RET_ALLOW/'
mistake "sched_setaffinity of any process" "$both" "moving another process" \
	's/(allow_if_equal\(f, 0\);\n\tend_call\(f, call, )SECCOMP_RET_TRAP/$1SECCOMP_RET_ALLOW/'

[ $chosen -gt 0 ] || { echo "Bail out! MISTAKES='$MISTAKES' matches no mistake"; exit 1; }

# All mutants of a host run in one machine, after the VMM without a mistake.
for host in $hosts; do
	options=() vmms=()
	for i in "${!names[@]}"; do
		[[ " ${wheres[i]} " = *" $host "* ]] || continue
		options+=(--file "$tmp/mutant-$i:/mutant-$i")
		vmms+=("/mutant-$i")
	done
	probe "$host" 900 "${options[@]}" -- /taken_over "${vmms[@]}"
	is "$(grep '^not ok [0-9]* - taken_over: ' <<<"$out")" "" "$host, without a mistake: all claims hold"
	like "$out" '^ok [0-9]* - taken_over: Seccomp is 2' "$host, without a mistake: the claims are made"
	for i in "${!names[@]}"; do
		[[ " ${wheres[i]} " = *" $host "* ]] || continue
		grep -qE "^not ok [0-9]* - mutant-$i: .*${finders[i]}" <<<"$out"
		ok $? "$host, ${names[i]}: found" || diag "$(grep -E "mutant-$i: " <<<"$out" | grep -v '^ok')"
	done
	like "$out" '^1\.\.' "$host: the run is complete" || diag "$(tail -n 20 "$tmp/err")"
done
done_testing
