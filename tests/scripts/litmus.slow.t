#!/bin/bash
# SPDX-License-Identifier: MIT
#
# litmus.slow.t - the compiled kernel's lock-free handshakes hold under RISC-V's memory model, each of
# their fences is needed, and the command detects mistakes that are planted in the sources.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
litmus="timeout --kill-after=5 $(scaled 300) scripts/hyperscope litmus --out $O"
cd "$HS_TOP" || exit 125
text=$($litmus kick 2>&1)
case $text in *"herd7 is not installed"*) skip_all "herd7 is missing: run scripts/hyperscope setup herd7" ;; esac

text=$($litmus --keep "$tmp/kept" 2>&1)
ok $? "no forbidden outcome is possible, and each fence is needed" || diag "$(grep -v 'never:' <<<"$text")"
like "$text" "^kick .*2 of .*never: a vCPU enters the guest" "the output has a line for each handshake"
like "$(<"$tmp/kept/kick-0.litmus")" "fence rw,rw .*run_once|from [0-9a-f]+: fence" "--keep keeps the tests"
like "$($litmus --mutants kick)" "without fence of 'fence.*: possible" "--mutants shows what each fence prevents"
is "$($litmus wrong 2>&1)" "litmus: there is no handshake 'wrong'; see --list" "an unknown handshake is refused"

# Mistakes: a file, and a Perl substitution that must change it.
mkdir "$tmp/tree" && cp -r Makefile VERSION scripts src trace "$tmp/tree/" && mkdir "$tmp/tree/build" &&
	ln -s "$O/uapi" "$O/libfdt" "$tmp/tree/build/" || exit 125
mistake()	# FILE SUBSTITUTION
{
	perl -0pi -e "$2" "$tmp/tree/src/$1"
	! cmp -s "src/$1" "$tmp/tree/src/$1" || { diag "$1: nothing to change"; exit 125; }
}
mistake kvm/exit/run.c 's/(VCPU_IN_GUEST, __ATOMIC_RELEASE\);\n)\t__atomic_thread_fence.*?\n/$1/'
mistake kvm/exit/bus.c 's/(bus_stores \+ 1\);\n)\t__atomic_thread_fence.*?\n/$1/'
mistake kvm/vcpu/irq.c 's/(static void irq_mark.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake kvm/vcpu/lazy_put.c 's/put_pending, false, __ATOMIC_RELEASE/put_pending, false, __ATOMIC_RELAXED/'
mistake host/sched/mutex.c 's/(unsigned long self.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
# gcc 12 compiles every fence to a full one. The table finds the statement by the name in the comment.
weak='__asm__ volatile("fence r, r" ::: "memory") \/* atomic_thread_fence *\/'
mistake host/sched/sched.c "s/(void thread_signal_kick.*?)__atomic_thread_fence\(\w+\)/\$1$weak/s"
mistake host/file/poll.h "s/__atomic_thread_fence\(\w+\)/$weak/"
mistake kvm/vcpu/steal_time.c "s/__atomic_thread_fence\(\w+\)/$weak/"
mistake host/file/pipe.c 's/(p->in, p->in \+ done, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/mm/mm.h 's/(pte, leaf, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/proc/process.c 's/(&p->refs, 1, )__ATOMIC_ACQ_REL/$1__ATOMIC_RELAXED/'
mistake kvm/vcpu/pmu.c 's/(static void set_started.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake kvm/vcpu/hsm.c 's/(\tWRITE_ONCE\(vcpu->hsm_stopped, false\);\n)(\t__atomic_fetch_add.*?\n)/$2$1/'
timeout --kill-after=5 "$(scaled 900)" make -C "$tmp/tree" -j2 O="$tmp/tree/build" "$tmp/tree/build/hyperscope.elf" >"$tmp/log" 2>&1
ok $? "a kernel with mistakes is built" || diag "$(tail -n 5 "$tmp/log")"
export HERD7=${HERD7:-$O/herd7/herd7}
[ -x "$HERD7" ] || HERD7=$(command -v herd7)
wrong="timeout --kill-after=5 $(scaled 300) $tmp/tree/scripts/hyperscope litmus --out $tmp/tree/build"
while read -r name what; do
	like "$($wrong "$name" 2>&1)" "^$name .*possible" "found: $what"
done <<-'END'
	kick KVM_RUN without the fence between mode and requests
	ioeventfd a store to a device without the fence before the table is read
	lines a line that is marked without a release
	put a put that is reported without a release
	mutex a mutex that is unlocked without a release
	signal-sleep a signal that is sent without a full fence before the thread's state is read
	poll-event a poller that looks at the file without a full fence after it has entered the queue
	pipe-data a write to a pipe that is published without a release
	page-contents a page that is mapped without a release of its contents
	put-process a reference that is dropped without order
	pmu a counter that is started without a release of its event
	steal-time a steal time that is stored without a release between its parts
END
like "$($wrong suspend 2>&1)" "no path .*leads from" "found: a start that is counted too early, because the order of two stores differs from the table's"
done_testing
