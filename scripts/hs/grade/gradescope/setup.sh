#!/bin/bash
# SPDX-License-Identifier: MIT
#
# setup.sh - Gradescope runs this once, as root, when it makes the image of lab @LAB@'s autograder:
# it installs packages, fetches files and builds the reference, so that submissions need little
# compiling.
set -eu
source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. /etc/os-release
case $ID:${VERSION_ID:-0} in
ubuntu:2[0-3].* | ubuntu:1* | debian:[1-9] | debian:1[01])
	echo "setup.sh: ${PRETTY_NAME:-$ID} has a QEMU older than 7.2, on which hyperscope does not run." >&2
	echo "setup.sh: choose an image of Ubuntu 24.04 or Debian 12 or 13, or build the Dockerfile of this zip." >&2
	exit 1
	;;
esac
# Only root may read hidden tests and the key, because submissions may be compiled as another user
# (scripts/hs/grade/jail.py).
chmod -R go-rwx "$source"/hyperscope/labs/*/hidden "$source"/hyperscope/labs/*/notes.md 2>/dev/null || true
[ ! -e "$source/course.key" ] || chmod 600 "$source/course.key"
export DEBIAN_FRONTEND=noninteractive
command -v git >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends git; }
cd "$source/hyperscope"
scripts/shell/setup --no-guest run
if grep -q '^host = "linux"' labs/@LAB@-*/lab.toml; then
	scripts/shell/setup linux-module
	make linux-module
fi
make -j"$(nproc)" kernel vmm guest-payloads "$PWD/build/hstrace" "$PWD/build/anatomy.so"
