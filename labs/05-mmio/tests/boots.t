#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest reads its serial port and powers off, with trapped instructions taken from htinst
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots mmio_decode=htinst
done_testing
