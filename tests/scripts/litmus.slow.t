#!/bin/bash
# SPDX-License-Identifier: MIT
#
# litmus.slow.t - the compiled kernel's lock-free handshakes hold under RISC-V's memory model, each of
# their fences is needed, each ordered access of the sources is in the table, and the command detects
# mistakes that are planted in the sources.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
litmus="timeout --kill-after=5 $(scaled 300) scripts/hyperscope litmus --out $O"
cd "$HS_TOP" || exit 125
text=$($litmus kick 2>&1)
case $text in *"herd7 is not installed"*) skip_all "herd7 is missing: run scripts/hyperscope setup herd7" ;; esac

text=$($litmus --keep "$tmp/kept" 2>&1)
ok $? "no forbidden outcome is possible, each fence is needed, and no ordered access is left out" || diag "$(grep -v ' never$' <<<"$text")"
like "$text" "^kick .* 2 of [0-9]+ +never$" "the output has a line for each handshake"
like "$(<"$tmp/kept/kick-0.litmus")" "fence rw,rw .*run_once|from [0-9a-f]+: fence" "--keep keeps the tests"
like "$(cat "$tmp"/kept/kick-*.litmus)" "^\(\* without fence of 'fence' \(vcpu_run, [0-9a-f]+\)$" "a kept test says which fence it lacks"
text=$($litmus --mutants kick 2>&1)
like "$text" "possible without fence of 'fence' \(vcpu_run" "--mutants shows what each fence prevents"
like "$text" "^    forbidden: a vCPU enters the guest" "and which outcome is forbidden"
like "$($litmus --sites)" "^[1-9][0-9]+ ordered accesses and fences: [1-9][0-9]* in handshakes, [0-9]+ only in 'spare' lines$" \
	"--sites counts the ordered accesses"
is "$($litmus wrong 2>&1)" "litmus: there is no handshake 'wrong'; see --list" "an unknown handshake is refused"

# Mistakes: a file, and a Perl substitution that must change it.
mkdir "$tmp/tree" && cp -r Makefile VERSION scripts src trace "$tmp/tree/" && mkdir "$tmp/tree/build" &&
	ln -s "$O/uapi" "$O/libfdt" "$tmp/tree/build/" || exit 125
mistake()	# FILE SUBSTITUTION
{
	perl -0pi -e "$2" "$tmp/tree/src/$1"
	! cmp -s "src/$1" "$tmp/tree/src/$1" || { diag "$1: nothing to change"; exit 125; }
}
mistake kvm/vcpu/irq.c 's/(static void irq_mark.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake kvm/vcpu/lazy_put.c 's/put_pending, PUT_NONE, __ATOMIC_RELEASE/put_pending, PUT_NONE, __ATOMIC_RELAXED/'
mistake host/sched/mutex.c 's/(unsigned long self.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
# gcc 12 compiles every fence to a full one. The table finds the statement by the name in the comment.
weak='__asm__ volatile("fence r, r" ::: "memory") \/* atomic_thread_fence *\/'
# The mode is stored by an amoswap, whose load "fence r, r" would order before the load of the requests.
mistake kvm/exit/run.c "s/(VCPU_IN_GUEST, __ATOMIC_RELEASE\);\n\t)__atomic_thread_fence\(\w+\)/\$1${weak/r, r/w, w}/"
mistake kvm/exit/bus.c "s/(bus_stores \+ 1\);\n\t)__atomic_thread_fence\(\w+\)/\$1$weak/"
mistake host/sched/sched.c "s/(void thread_signal_kick.*?)__atomic_thread_fence\(\w+\)/\$1$weak/s"
mistake host/file/poll.h "s/__atomic_thread_fence\(\w+\)/$weak/"
mistake kvm/vcpu/steal_time.c "s/__atomic_thread_fence\(\w+\)/$weak/"
mistake host/file/pipe.c 's/(p->in, p->in \+ done, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/mm/mm.h 's/(pte, leaf, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/proc/process.c 's/(&p->refs, 1, )__ATOMIC_ACQ_REL/$1__ATOMIC_RELAXED/'
mistake kvm/vcpu/pmu.c 's/(static void set_started.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake kvm/vcpu/hsm.c 's/(\tWRITE_ONCE\(vcpu->hsm_stopped, false\);\n)(\t__atomic_fetch_add.*?\n)/$2$1/'
mistake kvm/mmu/memslot.c 's/(void memslot_store_end.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake kvm/mmu/unpriv.c 's/(void end_as_guest.*?)__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/s'
mistake host/mm/account.h 's/__ATOMIC_ACQ_REL/__ATOMIC_RELAXED/'
mistake host/mm/account.c 's/(pages, pages, )__ATOMIC_ACQ_REL/$1__ATOMIC_RELAXED/'
mistake kvm/uapi/device.c 's/(vm->irqchip, ops, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/trace/trace_ring.c 's/__ATOMIC_RELEASE/__ATOMIC_RELAXED/g'
mistake host/mm/hugetlb.c 's/__ATOMIC_ACQ_REL/__ATOMIC_RELAXED/'
mistake host/proc/exit.c 's/(nr_threads - 1, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake kvm/vcpu/irq.c 's/(VS_LINES, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake kvm/vcpu/vm.c 's/(vcpu_by_id\[id\], )__ATOMIC_ACQUIRE/$1__ATOMIC_RELAXED/'
mistake host/proc/oom.c 's/(&oom_round, 1, )__ATOMIC_RELEASE/$1__ATOMIC_RELAXED/'
mistake host/mm/fault.c 's/(\thartmask_remove_atomic.*?\n)(.*?)(\tfence_i)/$2$1$3/s'
mistake kvm/vcpu/lazy_put.c 's/WRITE_ONCE\(hook->out_requested, false\)/__atomic_store_n(&hook->out_requested, false, __ATOMIC_RELEASE)/'
mistake kvm/mmu/dirty_ring.c 's/(entry->flags, )__ATOMIC_ACQUIRE/$1__ATOMIC_RELAXED/'
timeout --kill-after=5 "$(scaled 900)" make -C "$tmp/tree" -j2 O="$tmp/tree/build" "$tmp/tree/build/hyperscope.elf" >"$tmp/log" 2>&1
ok $? "a kernel with mistakes is built" || diag "$(tail -n 5 "$tmp/log")"
export HERD7=${HERD7:-$O/herd7/herd7}
[ -x "$HERD7" ] || HERD7=$(command -v herd7)
wrong="timeout --kill-after=5 $(scaled 300) $tmp/tree/scripts/hyperscope litmus --out $tmp/tree/build"
mapfile -t mistakes <<-'END'
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
	store-end a store by the core that may come after the removal of its slot has waited
	hlv-end an HLV that may come after the wait for the vCPU
	put-charge a charge of an account that is dropped without order
	put-charge-dead a charge of an account whose process has ended, likewise
	irqchip-ops an interrupt controller that is published without a release
	trace-write a trace record whose number is stored without a release
	trace-head a trace ring whose end is stored without a release
	drop-huge a page of a huge page that is dropped without order
	last-thread a thread that ends without a release of what it stored
	lines-drop a line that is lowered and marked without a release
	vcpu-find a search for a vCPU that reads the entry for its id without an acquire
	dirty-harvest an entry of a dirty ring that is taken without an acquire, although a branch has the same effect
	oom-retry a count of freed memory that rises without a release
END
text=$($wrong "${mistakes[@]%% *}" 2>&1)
for mistake in "${mistakes[@]}"; do
	like "$text" "^${mistake%% *} .*possible" "found: ${mistake#* }"
done
like "$($wrong suspend 2>&1)" "no path .*leads from" "found: a start that is counted too early, because the order of two stores differs from the table's"
like "$($wrong icache-clear 2>&1)" "no path .*leads from" "found: a mark of stale instructions that is cleared after the fences"
like "$("$tmp/tree/scripts/hyperscope" litmus --sites 2>&1)" "^src/kvm/vcpu/lazy_put.c:[0-9]+: .* in no 'spare' line" "found: an ordered access that the table lacks"
done_testing
