#!/bin/bash
# SPDX-License-Identifier: MIT
#
# debug.t - the declared order of locks is complete, and the normal kernel contains no part of the
# debug kernel. debug.slow.t builds and runs the debug kernel.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/hyperscope.elf"

classes()	# [FILE=SOURCE]
{
	PYTHONPATH=$HS_TOP/scripts python3 -B -m hs.lock_classes "$@" >"$tmp/classes.h" 2>"$tmp/err"
}

classes
ok $? "each lock has a level in docs/locking.md, and each level has a lock" || diag "$(cat "$tmp/err")"
sed 's/&page_lock/\&other_lock/' "$HS_TOP/src/host/mm/page.c" >"$tmp/page.c"
classes "src/host/mm/page.c=$tmp/page.c"
like "$(cat "$tmp/err")" '^src/host/mm/page.c:[0-9]+: docs/locking.md has no level for other_lock$' \
	"a lock without a level is an error"
like "$(cat "$tmp/err")" '^docs/locking.md: no place takes page_lock$' "a level without a lock is an error"
symbols=$("${CROSS_COMPILE:-riscv64-linux-gnu-}nm" "$O/hyperscope.elf" 2>&1)
like "$symbols" ' vcpu_switch$' "nm lists the normal kernel's symbols"
unlike "$symbols" ' (__wrap_|__real_|debug_(lock|page|slab|may|no|alloc)_)' \
	"the normal kernel contains no check of the debug kernel"
done_testing
