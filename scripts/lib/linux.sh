# SPDX-License-Identifier: MIT
#
# linux.sh - fetch or build the Linux kernels that are measured or tested as hosts, the headers for
# modules, and Linux's KVM selftests.
#
# fetch.sh lists the folders. A release is fetched from the first suite below that has it. A kernel is
# built from Debian's package linux-source-VERSION, with this machine's compiler and the options of
# linux.config, so that two such kernels differ only in their source. The debug kernel also has the
# options of linux-debug.config: KASAN, lockdep, kmemleak and others, which Debian's kernels lack.

recipe_linux=1
recipe_linux_source=2
recipe_linux_newest=1
recipe_linux_debug=8
host_modules="kvm virtio_blk"	# skipped if built into the kernel
linux_suites="$suite $suite-backports forky sid experimental"
source_suites="$suite $suite-backports-all forky sid experimental bookworm"

# ---- Debian's kernels -----------------------------------------------------------------------

# Print the kernel packages that a suite has: those of the newer kernels, whose package linux-image-* only
# depends on others, and those of the older ones.
kernel_packages()	# SUITE
{
	local conf image
	conf=$(apt_of "$1")/conf
	apt-cache -c "$conf" pkgnames linux-binary- | grep '^linux-binary-[0-9][^-]*-riscv64$'
	for image in $(apt-cache -c "$conf" pkgnames linux-image- | grep '^linux-image-[0-9][^-]*-riscv64$'); do
		[ -n "$(apt-cache -c "$conf" pkgnames "linux-binary-${image#linux-image-}")" ] || echo "$image"
	done
}

# Set $kernel to the package of a release, and $from to the first suite that has it. If none has it, $offered
# lists the releases that there are, and $unread the suites that could not be read.
find_release()	# RELEASE, such as 7.2.11
{
	local name
	offered= unread=
	for from in $linux_suites; do
		read_lists "$from" || { unread="$unread $from"; continue; }
		for kernel in $(kernel_packages "$from"); do
			name=${kernel#linux-*-}
			[ "${name%%[+-]*}" != "$1" ] || return 0
			offered="$offered ${name%%[+-]*}"
		done
	done
	offered=$(echo $offered | tr ' ' '\n' | sort -uV | paste -sd' ')
	return 1
}

# List the releases that --linux of the bench and of linux-kvm can use.
list_linux()
{
	local offered unread kernel from
	prepare_fetch
	find_release none
	echo "Debian's kernels for riscv64: $offered"
	[ -z "$unread" ] || die "these suites could not be read:$unread"
}

# A kernel's packages have 130 MB, and are not kept.
make_linux_kernel()	# RELEASE or source-VERSION
{
	local kernel from names offered unread
	case $1 in source-*) build_kernel "${1#source-}" "$here/lib/linux.config"; return ;; esac
	if ! find_release "$1"; then
		[ -z "$unread" ] || { say "Linux $1 is in none of the suites that could be read"; return 1; }
		die "Debian has no Linux $1 for riscv64, only $offered"
	fi
	names=$kernel
	case $kernel in
	linux-binary-*) names="$kernel linux-modules-${kernel#linux-binary-} linux-base-${kernel#linux-binary-}" ;;
	esac
	mkdir -p "$tmp/packages"
	# shellcheck disable=SC2086
	step "fetching Linux ${kernel#linux-*-} from $from (130 MB)" download_to "$tmp/packages" "$from" $names &&
		step "unpacking Linux ${kernel#linux-*-}" unpack_linux "$host_modules" "$tmp/packages/${kernel}"_*.deb "$tmp"/packages/*.deb
}

download_to()	# FOLDER SUITE PACKAGE...
{
	(cd "$1" && apt-get -q -c "$(apt_of "$2")/conf" download "${@:3}")
}

# Print the version of the newest kernel, which is in the name of the metapackage's kernel package.
newest_linux()
{
	apt-cache -c "$(apt_of sid)/conf" show --no-all-versions linux-image-riscv64 |
		sed -n 's/^Depends:.* linux-image-\([0-9][^ ]*-riscv64\) .*/\1/p'
}

make_linux_newest()
{
	local file name version packages=()
	file=$(newest "$dl"/linux-binary-[0-9]*_riscv64.deb)
	version=${file##*/linux-binary-}
	version=${version%%_*}
	if [ -z "$version" ]; then
		read_lists sid || return 1
		version=$(newest_linux)
		[ -n "$version" ] || { say "Debian unstable's package lists do not contain linux-image-riscv64"; return 1; }
	fi
	for name in binary modules base; do
		get_package "linux-$name-$version" "Linux $version, package linux-$name" sid || return 1
		packages+=("$package")
	done
	step "unpacking Linux $version" unpack_linux "$host_modules" "${packages[@]}"
}

# ---- kernels built from source --------------------------------------------------------------

# Fetch Linux's source, and set $package to its file.
get_source()	# VERSION
{
	local from unread=
	package=$(newest "$dl/linux-source-$1"_*.deb)
	[ -z "$package" ] || return 0
	for from in $source_suites; do
		read_lists "$from" || { unread="$unread $from"; continue; }
		[ -n "$(apt-cache -c "$(apt_of "$from")/conf" pkgnames "linux-source-$1" | grep -x "linux-source-$1")" ] || continue
		get_package "linux-source-$1" "Linux $1's source (160 MB)" "$from"
		return
	done
	say "Debian has no package linux-source-$1${unread:+; these suites could not be read:$unread}"
	return 1
}

# Unpack Linux's source from $package to $tmp/source. ARGUMENTS of tar select files.
unpack_linux_source()	# NAME ARGUMENT...
{
	local tar=$tmp/source.tar.xz
	mkdir -p "$tmp/source" || return 1
	dpkg-deb --fsys-tarfile "$package" | tar -xO "./usr/src/$1.tar.xz" >"$tar" || return 1
	xz -dc -T0 "$tar" | tar -x -C "$tmp/source" --strip-components=1 "${@:2}" || return 1
	rm "$tar"
	keep_version "$package"
}

# Variables of this set-up's own make, such as VERSION, must not replace those of Linux's Makefile.
make_linux()	# ARGUMENT...
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -j2 ARCH=riscv "$@"
}

make_linux_debug()
{
	local needs_all=1	# each option is a check, which must not be missing
	build_kernel 6.12 "$here/lib/linux-debug.config" "$here/lib/linux.config"
}

build_kernel()	# VERSION FILE...: the options that differ from allnoconfig
{
	local package
	get_source "$1" || return 1
	mkdir -p "$made/modules" || return 1
	cat "${@:2}" >"$tmp/options" &&
		step "unpacking Linux $1's source" unpack_kernel_source "linux-source-$1" &&
		step "building Linux $1 (10 minutes)" build_linux
}

# The documentation is left out, but Kconfig reads one file of it.
unpack_kernel_source()	# NAME
{
	unpack_linux_source "$1" --exclude="$1/Documentation/*" &&
		mkdir -p "$tmp/source/Documentation" && : >"$tmp/source/Documentation/Kconfig"
}

# Keep the kernel, its modules, its configuration, and what is needed to build another module.
build_linux()
{
	local option file make=(make_linux -C "$tmp/source" CROSS_COMPILE="${CROSS_COMPILE:-riscv64-linux-gnu-}")
	"${make[@]}" KCONFIG_ALLCONFIG="$tmp/options" allnoconfig || return 1
	while read -r option; do
		grep -qx "$option" "$tmp/source/.config" || { echo "Linux does not accept $option"; [ -z "${needs_all:-}" ] || return 1; }
	done < <(grep '^CONFIG' "$tmp/options")
	"${make[@]}" Image modules || return 1
	mv "$tmp/source/arch/riscv/boot/Image" "$made/vmlinux" && cp "$tmp/source/.config" "$made/config" || return 1
	for file in arch/riscv/kvm/kvm.ko drivers/block/virtio_blk.ko; do
		mv "$tmp/source/$file" "$made/modules/" || return 1
	done
	mkdir "$made/headers" && cd "$tmp/source" &&
		cp -a --parents -t "$made/headers" .config Makefile Module.symvers include scripts arch/riscv/Makefile* arch/riscv/include
}

# ---- headers, to build a module ------------------------------------------------------------

make_linux_headers()
{
	local kernel
	headers_of "$out/guest" $suite && find_kernel &&
		step "unpacking the module for swap in memory" unpack_swap_module
}

unpack_swap_module()
{
	dpkg-deb -x "$kernel" "$tmp" && unpack_modules "$tmp" "$made/modules" zram
}

make_linux_headers_newest()
{
	headers_of "$out/linux_newest" sid
}

# Remove, from the kernel's configuration, what its compiler can do and this machine's cannot. These options
# affect only how functions are compiled, not the layout of structures.
configure_for_gcc()	# FOLDER
{
	local gcc=riscv64-linux-gnu-gcc config
	for config in $(
		echo | $gcc -fmin-function-alignment=8 -c -x c -o "$tmp.o" - 2>/dev/null ||
			echo CC_HAS_MIN_FUNCTION_ALIGNMENT CC_HAS_SANE_FUNCTION_ALIGNMENT
		echo | $gcc -march=rv64ima_zacas_zabha -c -x assembler -o "$tmp.o" - 2>/dev/null ||
			echo RISCV_ISA_ZACAS TOOLCHAIN_HAS_ZACAS RISCV_ISA_ZABHA TOOLCHAIN_HAS_ZABHA
		echo 'struct s { int n; int a[] __attribute__((counted_by(n))); };' |
			$gcc -Werror -c -x c -o "$tmp.o" - 2>/dev/null || echo CC_HAS_COUNTED_BY CC_HAS_COUNTED_BY_PTR
	); do
		sed -i "/^#define CONFIG_$config /d" "$1/generated/autoconf.h" && sed -i "/^CONFIG_$config=/d" "$1/config/auto.conf" || return 1
	done
	rm -f "$tmp.o"
	sed -i 's/^\(CONFIG_PAHOLE_VERSION\)=.*/\1=0/' "$1/config/auto.conf"	# no type information is made
}

# Debian's Makefile of the headers names /usr/src, and Kbuild's programs may need a newer C library than
# this machine's, so they get a script that starts them with the libraries of the tree.
headers_of()	# FOLDER SUITE: of the kernel in FOLDER
{
	local version packages=() name program
	version=$(sed 's/^linux-[a-z]*-\([^ ]*\)-riscv64 .*/\1/' "$1/version") || return 1
	make_tree "$2-host" "linux-kbuild-$version" "Kbuild of Linux $version" "9 MB" || return 1
	for name in common riscv64; do
		get_package "linux-headers-$version-$name" "the headers of Linux $version, package $name" "$2" || return 1
		packages+=("$package")
	done
	step "unpacking the headers of Linux $version" unpack_usr "$made" "${packages[@]}" || return 1
	ln -s "usr/src/linux-headers-$version-riscv64" "$made/headers" || return 1
	sed -i -e 's:^KBUILD_OUTPUT=/usr/src/.*:KBUILD_OUTPUT \:= $(dir $(realpath $(lastword $(MAKEFILE_LIST)))):' \
		-e 's:^include /usr/src:include $(dir $(realpath $(lastword $(MAKEFILE_LIST))))..:' "$made/headers/Makefile" || return 1
	rm -f "$made/headers/vmlinux"	# with it, Kbuild wants pahole
	configure_for_gcc "$made/headers/include" || return 1
	cp "$made"/usr/lib/linux-kbuild-*/scripts/mod/modpost{.real-lsb-64,} || return 1
	for program in mod/modpost basic/fixdep genksyms/genksyms; do
		program=$(echo "$made"/usr/lib/linux-kbuild-*/scripts/)$program
		mv "$program" "$program.elf" || return 1
		cat >"$program" <<-'END'
		#!/bin/sh
		for loader in "${0%/*}"/../../../*/ld-linux-*.so.*; do
			exec "$loader" --library-path "${loader%/*}" "$0.elf" "$@"
		done
		END
		chmod +x "$program"
	done
	rm -rf "${made:?}"/usr/{share,bin}
}

# ---- Linux's KVM selftests -----------------------------------------------------------------

# The parts of Linux's source from which its KVM selftests are built.
kselftest_source="scripts/subarch.include tools/testing/selftests/lib.mk tools/testing/selftests/*.h
	tools/testing/selftests/kvm tools/testing/selftests/rseq tools/include tools/arch/riscv
	tools/build tools/scripts tools/lib"
# Linux 6.12's UAPI headers come from linux-libc-dev, which is built from the same source. Those of
# 7.3 are made from the rest of these parts.
kselftest_7_3_source="$kselftest_source tools/testing/selftests/cgroup/lib
	Makefile scripts include/uapi include/asm-generic arch/riscv/Makefile arch/riscv/include usr/include"

make_kselftest()
{
	kselftest_of 6.12 "$kselftest_source"
}

make_kselftest_7_3()
{
	kselftest_of 7.3 "$kselftest_7_3_source"
}

kselftest_of()	# VERSION PARTS
{
	local package name=linux-source-$1
	get_source "$1" || return 1
	mkdir -p "$made" || return 1
	step "unpacking Linux $1's KVM selftests" unpack_kselftest "$2" &&
		step "building Linux $1's KVM selftests" build_kselftest
}

unpack_kselftest()	# PARTS
{
	local patterns=() part
	set -f
	for part in $1; do patterns+=("$name/$part"); done
	set +f
	unpack_linux_source "$name" --wildcards "${patterns[@]}"
}

# Before version 13, gcc calls libatomic for operations on a byte, and says that they may not be
# free of locks. On riscv64, libatomic's are: they are loops of lr.w and sc.w.
build_kselftest()
{
	local headers="-isystem $out/uapi/usr/include -isystem $out/uapi/usr/lib/linux/uapi/riscv"
	if [ -e "$tmp/source/usr/include" ]; then
		make_linux -C "$tmp/source" headers || return 1
		headers="-isystem $tmp/source/usr/include"
	fi
	make_linux -C "$tmp/source/tools/testing/selftests/kvm" -k \
		CROSS_COMPILE="${CROSS_COMPILE:-riscv64-linux-gnu-}" OUTPUT="$tmp/built" \
		LDFLAGS=-static LDLIBS=-latomic KHDR_INCLUDES="$headers" \
		EXTRA_CFLAGS="-U__GCC_ATOMIC_BOOL_LOCK_FREE -D__GCC_ATOMIC_BOOL_LOCK_FREE=2" || return 1
	find "$tmp/built" -type f -executable -exec mv -t "$made" {} + || return 1
	[ -x "$made/dirty_log_test" ] && [ -x "$made/sbi_pmu_test" ]
}
