#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - plant a mistake in the debug kernel, one at a time, and check that the kernel
# detects it and panics with the right report.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"
fixes "the mistakes are planted in code that all toggles use" all

make -s -f "$HS_TOP/Makefile" O="$O" debug-kernel >"$tmp/out" 2>&1
ok $? "the debug kernel can be built" || diag "$(tail -n 5 "$tmp/out")"
needs_built "$O/tests/debug/fail_alloc" "$O"/tests/kvm/{unmap,l2_page} "$O"/tests/linux-abi/{vm,file_wait,file_disk}
truncate -s 16M "$tmp/disk"

mutant()	# NAME FILE SUBSTITUTION REPORT PROGRAM...
{
	local name=$1 file=$2 change=$3 report=$4
	shift 4
	rm -rf "$tmp/mutant"
	planted "$name: reported" "$file" "$change" "$tmp/source.c" \
		make_mutant debug-mutant FILE="$file" SOURCE="$tmp/source.c" OUTPUT="$tmp/mutant" || return
	# On a busy machine, a mistake that needs a race may need several runs.
	for _ in 1 2 3 4 5; do
		hs exec --debug-kernel --out "$tmp/mutant" "$@"
		grep -qE "$report" <<<"$out$err" && break
	done
	like "$out$err" "$report" "$name: reported"
}

ends=("$O/tests/progs/ends" exit 0)
waits=("$O/tests/linux-abi/file_wait")
mutant "an object that is used after it was freed" src/host/file/file.c \
	's/\tkfree\(f\);/\tkfree(f);\n\tf->flags = 1;/' \
	'panic: kmalloc-[0-9]*: poison of the freed object overwritten at offset [0-9]*: 0x01' "${ends[@]}"
mutant "an object that is freed twice" src/host/file/file.c 's/\tkfree\(f\);/\tkfree(f);\n\tkfree(f);/' \
	'panic: kmalloc-[0-9]*: double free, object 0x[0-9a-f]*, in 0xffff' "${ends[@]}"
mutant "a free of a pointer into an object" src/host/file/file.c 's/\tkfree\(f\);/\tkfree((char *)f + 16);/' \
	'panic: kfree: 0x[0-9a-f]* is not an object of kmalloc' "${ends[@]}"
mutant "an overflow by one byte" src/host/file/file.c 's/\tkfree\(f\);/\t((char *)(f + 1))[0] = 5;\n\tkfree(f);/' \
	'panic: kmalloc-[0-9]*: red zone behind it overwritten at offset [0-9]*: 0x05, not 0xbb' "${ends[@]}"
mutant "a page that is freed while a process maps it" src/host/mm/mm_walk.c \
	's/(void mm_zap\(.*?)\t\tWRITE_ONCE\(\*pte, 0\);\n/$1\n/s' \
	'panic: page 0x[0-9a-f]*, freed in 0x[0-9a-f]*: (still mapped|freed again)' "$O/tests/linux-abi/vm"
mutant "a page that is freed while a G-stage maps it" src/kvm/mmu/notifier.c \
	's/(static void notifier_start.*?)gstage_unmap, true/$1gstage_is_young, true/s' \
	'panic: page 0x[0-9a-f]*, freed in 0x[0-9a-f]*: still mapped' "$O/tests/kvm/unmap"
for fenced in "" fenced; do
	mutant "a page that is freed while a shadow table maps it${fenced:+, after a fence of L1}" \
		src/kvm/mmu/shadow_reverse.c 's/\tgs->work = 0;\n\tc->changed/\treturn;\n$&/' \
		'panic: page 0x[0-9a-f]*, freed in 0x[0-9a-f]*: still mapped' "$O/tests/kvm/l2_page" $fenced
done
mutant "a page that is written after it was freed" src/host/mm/kstack.c 's/\tpage_free\(pa, KSTACK_ORDER\);/\tpage_free(pa, KSTACK_ORDER); *(char *)pa_to_va(pa + 8) = 1;/' \
	'panic: page 0x[0-9a-f]*, freed in 0x[0-9a-f]*: poison overwritten at offset 0x8' "$O/tests/linux-abi/thread"
reads=(--disk "$tmp/disk" "$O/tests/linux-abi/file_disk")
mutant "a page that is freed while a disk reads into it" src/host/dev/virtio_blk.c \
	's/(\tif \(done\)\n\t\terr = submit.*?;\n)(\tput_pages.*?;\n)/$2$1/s' \
	'panic: page 0x[0-9a-f]*: still used by a device, freed in 0xffff' "${reads[@]}"
mutant "a page that is given to a disk after it was freed" src/host/dev/virtio_blk.c \
	's/(\tsegs\[n \+ 1\] = [^;]*;\n)/$1\tsegs[0].pa = page_alloc(0); page_free(segs[0].pa, 0);\n/' \
	'panic: page 0x[0-9a-f]*, freed in 0x[0-9a-f]*: given to a device' "${reads[@]}"
mutant "a ring that is freed while the disk uses it" src/host/dev/virtio_blk.c \
	's/(\tvirtio_ready\(dev\);\n)/$1\tpage_free(va_to_pa(d->vq.desc), 1);\n/' \
	'panic: page 0x[0-9a-f]*: still used by a device' "${reads[@]}"
mutant "a request that is freed before the disk has answered" src/host/dev/virtio_blk.c \
	's/\tdisk_wait\(d, is_done\(r\)\);\n//' \
	'panic: kmalloc-[0-9]*: still used by a device, object 0x[0-9a-f]*, in 0xffff' "${reads[@]}"
mutant "two locks in the wrong order" src/kvm/uapi/api.c \
	's/(\thv_mutex_lock\(&vm->lock\);)\n(\thv_mutex_lock\(&vm->slots_lock\);)\n/$2\n$1\n/' \
	'panic: lock order: kvm.lock \(level 5\) is requested at src/kvm/uapi/api.c:[0-9]* under slots_lock \(level 7\), taken at src/kvm' \
	"$O/tests/kvm-api/caps"
mutant "a lock that is taken twice" src/host/file/eventfd.c \
	's/\tspin_lock\(&event->lock\);\n/\tspin_lock(&event->lock); spin_lock(&event->lock);\n/' \
	'panic: recursion: hv_event.lock is requested at src/host/file/eventfd.c:[0-9]*, but was taken at src/host' "${waits[@]}"
mutant "a lock that is released by a thread that does not hold it" src/host/file/eventfd.c \
	's/\tspin_lock\(&event->lock\);\n/\tspin_lock(&event->lock); spin_unlock(&event->lock);\n/' \
	'panic: unlock: this hart does not hold 0x' "${waits[@]}"
mutant "a system call that leaves a lock held" src/host/fs/sys_open.c 's/\tmutex_unlock\(&tree_lock\);/\t;/' \
	'panic: (syscall_dispatch\(\) ends, but|recursion:) tree_lock is (held|requested)' "${ends[@]}"
mutant "a file that is put, though not freed, under a lock that its release may take" src/host/fs/sys_stat.c \
	's/(\tfile_put\(f\);)/\tmutex_lock(&tree_lock);\n$1\n\tmutex_unlock(&tree_lock);/' \
	'panic: file_put\(\) may take [a-z_.]* \(level [25]\), but tree_lock \(level 10\) is held, taken at src/host/fs/sys_stat.c' "${waits[@]}"
mutant "a thread that sleeps under a spinlock" src/host/file/eventfd.c \
	's/\tspin_lock\(&event->lock\);\n/\tspin_lock(&event->lock); hv_resched();\n/' \
	'panic: hv_resched\(\) may sleep, but hv_event.lock is held, taken at src/host/file/eventfd.c' "${waits[@]}"
runs=("$O/tests/kvm-api/lazy_put" 4)
mutant "a call that may sleep in a section that is pinned to its hart" src/kvm/exit/run.c \
	's/(\tput_shared\(vcpu\);\n)(\ttrace_set)/$1\thv_poll_interrupts();\n$2/' \
	'panic: hv_poll_interrupts\(\) may sleep, but the hart is pinned since 0xffff' "${runs[@]}"
mutant "a pinned section that does not end" src/kvm/exit/run.c 's/(vcpu->guest.sepc;\n.*?\n)\thv_unpin\(\);\n/$1/s' \
	'panic: [a-z_]*\(\) may sleep, but the hart is pinned since 0xffff' "${runs[@]}"
mutant "a section that ends twice" src/kvm/vcpu/vcpu.c 's/(vcpu->loaded = VCPU_LOADED;\n)/$1\thv_unpin();\n/' \
	'panic: hv_unpin: the hart is not pinned, in 0xffff' "${runs[@]}"
mutant "the number of a hart to which the core is not pinned" src/kvm/exit/run.c \
	's/(\tvcpu->stats.exits\+\+;)/\tvcpu->stats.exits += hv_hart() + 1;/' \
	'panic: src/kvm/exit/run.c:[0-9]*: the number of the hart is used while it is not pinned' "${runs[@]}"
mutant "a kernel stack that overflows" src/host/file/eventfd.c \
	's/(static) (bool event_has_room\([^)]*\)\n\{\n)/$1 __attribute__((noinline)) $2\tvolatile char room[512];\n\n\troom[0] = 1;\n\tif (event_has_room(event, count))\n\t\treturn room[0];\n/' \
	'panic: kernel stack overflow' "${waits[@]}"
mutant "memory that is leaked when an allocation fails" src/host/sched/thread.c 's/\t\tkfree\(t\);\n/\t\t;\n/' \
	'not ok [0-9]* - processes: a failed allocation leaks no memory' "$O/tests/debug/fail_alloc" processes
done_testing
