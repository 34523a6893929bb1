#!/bin/bash
# SPDX-License-Identifier: MIT
#
# static-key.slow.t - an event that is switched on is recorded, although QEMU may lose the effect of a
# store to an instruction that other harts execute. A library delays QEMU between the two steps of such
# a store.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/tests/boot/qemu_store.so" "$O/tests/progs/switch_event"

export LD_PRELOAD=$O/tests/boot/qemu_store.so
HS_SECONDS=120 hs exec --quiet --harts 3 --trace none "$O/tests/progs/switch_event" 300
is "$status $out" "0 300 rounds, not recorded: 0" "an event is recorded each time that it is on" || diag "$err"
done_testing
