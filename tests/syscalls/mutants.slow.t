#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - check that the system-call fuzzer's target can fail. Mistakes that the host once
# had, or could have, are planted one at a time. The sequences in found/, the corpus, or 5000 random
# sequences have to violate an invariant.
#
# A mutant is a file, a Perl substitution that must change it, and a pattern for the message.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

program=$O/tests/syscalls/syscalls
needs_built "$program"
sequences=5000

cd "$tmp" || exit 1
timeout "$(scaled 300)" "$program" --random 1 2000 >"$tmp/out" 2>&1
ok $? "unbroken: 2000 random sequences violate no invariant" || diag "$(tail -n 20 "$tmp/out")"

mutant()	# NAME FILE SUBSTITUTION PATTERN
{
	local name=$1 file=src/$2 change=$3 pattern=$4 status
	planted "$name: detected" "$file" "$change" "$tmp/mutant.c" \
		make_mutant syscalls-mutant FILE="$file" SOURCE="$tmp/mutant.c" OUTPUT="$tmp/mutant" || return
	# In braces, so that bash's message "Aborted" goes to the file as well.
	{ timeout "$(scaled 300)" "$tmp/mutant" "$HS_TOP"/tests/syscalls/found/* "$HS_TOP"/tests/fuzz/corpus/syscalls/*; } >"$tmp/out" 2>&1 &&
		{ timeout "$(scaled 300)" "$tmp/mutant" --random 1 $sequences; } >"$tmp/out" 2>&1
	status=$?
	[ $status != 0 ] && grep -qE "$pattern" "$tmp/out"
	ok $? "$name: detected" || diag "status $status" "$(tail -n 5 "$tmp/out")"
}

# ---- mistakes that were fixed, with the commit ----
mutant "mremap() moves a 2M leaf across the new end (76be019a)" host/mm/sys_mem.c \
	's/mm_split_leaf_at\(mm, old \+ len\) < 0 \|\|//; s/mm_next_leaf_within\(mm, &va, from/mm_next_leaf(mm, &va, from/' \
	'crosses its area|no area|mm_walk.c'
mutant "huge pages are not aligned with MAP_STACK (b3bc36cd)" host/mm/vma.c \
	's/(static unsigned long place_below.*?)\tif \(spec->flags & VMA_HUGETLB\)\n.*?;\n(.*?)(\tif \(spec->len < SZ_2M)/$1$3/s; s/\tBUG_ON\(!is_whole.*?\n//' \
	'misaligned|crosses|misaligned leaf'
# ---- mm ----
mutant "fork() leaves the parent's pages writable" host/mm/vma_fork.c \
	's/\t\tWRITE_ONCE\(\*pte, \*pte & ~PTE_W\);\n(\t\tWRITE_ONCE\(\*copy)/$1/' 'writable, and has other users'
mutant "fork() does not fence the parent's pages" host/mm/vma_fork.c \
	's/mm_flush_tlb\(from, range->start, range->end - range->start\);//' 'the TLB has'
mutant "a copied page keeps its reference to the old one" host/mm/fault.c \
	's/(mm_notify_end\(mm, va, va \+ SZ_4K\);\n)\tpage_put\(old\);/$1/' 'leaked|references'
mutant "munmap() does not tell the guests" host/mm/vma.c \
	's/mm_notify_start\(mm, start, end\);\n\tmm_zap\(mm, start, end\);\n\tmm_notify_end\(mm, start, end\);/mm_zap(mm, start, end);/' \
	'G-stage leaf'
mutant "mprotect() adds W" host/mm/vma.c \
	's/\t\tif \(!\(\*pte & PTE_W\)\)\n\t\t\tnext &= ~PTE_W;\n//' 'writable'
mutant "mremap() does not fence the old range" host/mm/sys_mem.c \
	's/(mm_walked\(mm, 2 \* WALK_LEAF\);\n\t}\n)\tmm_flush_tlb\(mm, from, len\);/$1/' 'the TLB has|freed page'
mutant "a split leaf of an area is not split in the table" host/mm/vma.c \
	's/if \(mm_split_leaf_at\(mm, addr\) < 0\)/if (0)/' 'crosses its area|mm_walk.c'
mutant "UFFDIO_COPY to a page that is there keeps the new page" host/mm/uffd_fill.c \
	's/if \(err < 0 && pa\)/if (0)/' 'leaked'
mutant "the zero page is mapped writable" host/mm/fault.c 's/vma_pte_flags\(vma->prot\) & ~PTE_W\);/vma_pte_flags(vma->prot));/' 'zero page is writable'
# ---- files and processes ----
mutant "ftruncate() leaves the removed pages mapped" host/fs/ramfs_size.c 's/\tif \(mapped\)\n/\tif (0 && mapped)\n/' 'its file has dropped it'
mutant "a hole in a file stays mapped" host/fs/ramfs_size.c 's/\tif \(unmap\)\n/\tif (0 && unmap)\n/' 'its file has dropped it'
mutant "ftruncate() unmaps only areas that begin behind the new end" host/mm/unmap.c \
	's/pages->from >= vma->pgoff \+ size/pages->from > vma->pgoff/' 'its file has dropped it'
mutant "an access beyond the end of a file gets a page" host/fs/ramfs_size.c \
	's/FILE_MAX \/ PAGE_SIZE && index \* PAGE_SIZE < rf->size\)/FILE_MAX \/ PAGE_SIZE)/' 'beyond the end of its file'
mutant "an access beyond the end of a file raises SIGSEGV" host/mm/fault.c 's/-ENOMEM : -EIO;/-ENOMEM : -EFAULT;/' 'SIGSEGV'
mutant "dup3() keeps the file that it replaces" host/file/fd_table.c 's/file_put\(old\);/;/' 'leaked'
mutant "a thread that ends keeps its queue of signals" host/proc/signal.c 's/free_queue\(p, &t->sig\.queue\);//' 'leaked'
done_testing
