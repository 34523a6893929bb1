#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-newest.slow.t - linux-module.slow.t with the newest Linux that Debian has.
HS_KERNEL=newest exec bash "$(dirname "$0")/linux-module.slow.t"
