#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-debug.slow.t - linux-module.slow.t with a Linux that checks itself; and kmemleak finds no leak.
HS_KERNEL=debug exec bash "$(dirname "$0")/linux-module.slow.t"
