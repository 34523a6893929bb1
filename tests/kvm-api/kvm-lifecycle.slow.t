#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-lifecycle.slow.t - 10 000 VMs created, run and destroyed, half of them killed: see kvm-lifecycle.t.
slow=yes
. "$(dirname "$0")/kvm-lifecycle.t"
