#!/bin/bash
# SPDX-License-Identifier: MIT
#
# interrupts.t - the device raises an interrupt for used buffers, and does not miss requests of a
# driver that notifies it only when it must
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=irq
# Repeat the test with a VMM that sleeps for 2 ms before it unmutes notifications. A device that
# checks the ring before it unmutes them, but not afterwards, misses a request that arrives in
# between.
late=$tmp/late
mkdir "$late" && ln -s "$O"/* "$late" && rm "$late/vmm"
cat >"$tmp/late.c" <<'END'
#include <stdbool.h>
#include <time.h>
struct virtqueue;
void __real_virtqueue_mute(struct virtqueue *vq, bool mute);
void __wrap_virtqueue_mute(struct virtqueue *vq, bool mute)
{
	if (!mute)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	__real_virtqueue_mute(vq, mute);
}
END
mapfile -t objects < <(find "$O/user/src/vmm" "$O/user/libfdt" -name '*.o')
"${CROSS_COMPILE:-riscv64-linux-gnu-}gcc" -O2 -static -pthread -Wl,--wrap=virtqueue_mute -o "$late/vmm" \
	"$tmp/late.c" "${objects[@]}" 2>"$tmp/log" || {
	ok 1 "a VMM that is slow to unmute can be linked" || diag "$(tail -n 1 "$tmp/log")"
	done_testing
}
O=$late asked lab11 part=irq
claim "none is missed" "no request is missed if the device is slow to unmute"
done_testing
