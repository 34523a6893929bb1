# SPDX-License-Identifier: MIT
#
# linux_debug.sh - build a debug kernel for tests of the module, with KASAN, lockdep, kmemleak and others.
#
# Debian has none. The source is Debian's linux-source-6.12; linux-debug.config has the options. fetch_all()
# (fetch.sh) calls make_linux_debug().

recipe_linux_debug=3

make_linux_debug()
{
	local tmp=$dl/unpack.linux_debug.$$
	get_package busybox-static "busybox (1 MB)" || return 1
	mkdir -p "$tmp" "$made/modules" && dpkg-deb -x "$package" "$tmp" && keep_busybox || return 1
	get_package linux-source-6.12 "Linux 6.12's source (160 MB)" || return 1
	step "unpacking Linux 6.12's source" unpack_debug_source &&
		step "building the debug kernel (10 minutes)" build_linux_debug
	local status=$?
	rm -rf "$tmp"
	return $status
}

# The documentation is left out, but Kconfig reads one file of it.
unpack_debug_source()
{
	unpack_linux_source linux-source-6.12 --exclude='linux-source-6.12/Documentation/*' &&
		mkdir -p "$tmp/source/Documentation" && : >"$tmp/source/Documentation/Kconfig"
}

# Keep the kernel, its modules, and what is needed to build another module.
build_linux_debug()
{
	local option file make=(make_linux -C "$tmp/source" CROSS_COMPILE="${CROSS_COMPILE:-riscv64-linux-gnu-}")
	"${make[@]}" KCONFIG_ALLCONFIG="$here/lib/linux-debug.config" allnoconfig || return 1
	while read -r option; do
		grep -qx "$option" "$tmp/source/.config" || { echo "Linux does not accept $option"; return 1; }
	done < <(grep '^CONFIG' "$here/lib/linux-debug.config")
	"${make[@]}" Image modules || return 1
	mv "$tmp/source/arch/riscv/boot/Image" "$made/vmlinux" || return 1
	for file in arch/riscv/kvm/kvm.ko drivers/block/virtio_blk.ko; do
		mv "$tmp/source/$file" "$made/modules/" || return 1
	done
	mkdir "$made/headers" && cd "$tmp/source" &&
		cp -a --parents -t "$made/headers" .config Makefile Module.symvers include scripts arch/riscv/Makefile* arch/riscv/include
}
