#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-debug.slow.t - linux-module.slow.t on a debug kernel, where kmemleak finds no leak.
HS_KERNEL=debug exec bash "$(dirname "$0")/linux-module.slow.t"
