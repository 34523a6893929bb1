#!/bin/bash
# SPDX-License-Identifier: MIT
#
# escape.t - a guest that has taken over its VMM cannot leave the VMM's sandbox; without the sandbox,
# it can access files, processes and /dev/kvm. escape.slow.t makes the same claims on Linux.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/escape.sh"
escape_from hyperscope
done_testing
