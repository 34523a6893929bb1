#!/bin/bash
# SPDX-License-Identifier: MIT
#
# escape.slow.t - the claims of escape.t for the same VMM on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"
. "$HS_TOP/tests/guest/escape.sh"
escape_from linux
done_testing
