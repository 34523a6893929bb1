# SPDX-License-Identifier: MIT
#
# packages.sh - find the tools that are missing on this machine, and install them.
#
# A tool counts as present if its command or file exists, however it was installed.

qemu_min=7.2	# older versions are rejected
qemu_full=8.2	# with this or a newer version, no test is skipped

# purpose; what to look for (a command, the path of a file, a sanitizer library of clang, or a Python
# module that python3-minimal lacks); the package that contains it, followed by ? if a distribution
# may lack it: tests that need it are skipped there
package_table()
{
	cat <<-'END'
	run    make                                        make
	run    riscv64-linux-gnu-gcc                       gcc-riscv64-linux-gnu
	run    /usr/riscv64-linux-gnu/lib/libc.a           libc6-dev-riscv64-cross
	run    cpio                                        cpio
	run    xz                                          xz-utils
	run    python-module:shutil                        python3
	run    perl                                        perl
	run    flock                                       util-linux
	run    /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
	run    gcc                                         gcc
	run    /usr/include/stdio.h                        libc6-dev
	test   /usr/include/cmocka.h                       libcmocka-dev
	test   prove                                       perl
	test   gdb-multiarch                               gdb-multiarch
	test   trace-cmd                                   trace-cmd?
	test   perf                                        linux-perf?
	test   pkg-config                                  pkg-config
	test   babeltrace2                                 babeltrace2?
	test   /usr/include/babeltrace2/babeltrace.h       libbabeltrace2-dev?
	test   /usr/include/protobuf-c/protobuf-c.h        libprotobuf-c-dev?
	test   protoc-c                                    protobuf-c-compiler?
	test   /usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin u-boot-qemu?
	test   protoc                                      protobuf-compiler?
	test   /usr/lib/python3/dist-packages/jsonschema   python3-jsonschema
	test   /usr/lib/python3/dist-packages/matplotlib   python3-matplotlib?
	check  clang                                       clang
	check  clang-format                                clang-format
	check  clang-tidy                                  clang-tidy
	check  codespell                                   codespell
	check  cppcheck                                    cppcheck
	check  flake8                                      flake8
	check  mypy                                        mypy
	check  shellcheck                                  shellcheck
	check  dtc                                         device-tree-compiler
	workload dtc                                       device-tree-compiler
	browser chromium                                   chromium?
	browser chromedriver                               chromium-driver?
	browser /usr/lib/python3/dist-packages/selenium    python3-selenium?
	browser pdftocairo                                 poppler-utils?
	readers kernelshark                                kernelshark?
	readers Xvfb                                       xvfb?
	readers xdotool                                    xdotool?
	readers import                                     imagemagick?
	readers qemu-riscv64                               qemu-user?
	readers node                                       nodejs?
	figures /usr/lib/python3/dist-packages/matplotlib  python3-matplotlib
	notebooks jupyter-nbconvert                        jupyter-nbconvert
	notebooks /usr/lib/python3/dist-packages/ipykernel python3-ipykernel
	notebooks /usr/lib/python3/dist-packages/pandas    python3-pandas
	notebooks /usr/lib/python3/dist-packages/matplotlib python3-matplotlib
	sweep  parallel                                    parallel
	linux-build flex                                   flex
	linux-build bison                                  bison
	linux-build bc                                     bc
	fuzz   clang                                       clang
	fuzz   clang-library:fuzzer                        libclang-rt-dev
	END
}

os_field()
{
	sed -n "s/^$1=//p" /etc/os-release 2>/dev/null | tr -d '"'
}

on_debian_12()
{
	[ "$(os_field ID)" = debian ] && [ "$(os_field VERSION_ID)" = 12 ]
}

# version_at_least HAVE WANT: compare two versions of the form MAJOR.MINOR.
version_at_least()
{
	[ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

qemu_version()
{
	"${QEMU:-qemu-system-riscv64}" --version 2>/dev/null |
		sed -n 's/^QEMU emulator version \([0-9]*\.[0-9]*\).*/\1/p'
}

have()
{
	case $1 in
	/*) [ -e "$1" ] ;;
	clang-library:*) echo 'int LLVMFuzzerTestOneInput() { return 0; }' |
		clang -fsanitize="${1#*:}" -x c - -o /dev/null 2>/dev/null ;;
	python-module:*) python3 -c "import ${1#*:}" 2>/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# Succeeds if the package lists have been read and do not contain this package.
distribution_lacks()
{
	[ -n "$(apt-cache show make 2>/dev/null)" ] && [ -z "$(apt-cache show "$1" 2>/dev/null)" ]
}

# Succeeds if the purposes only plot data, which needs no compiler, QEMU or files for the guest.
only_draws()	# PURPOSE...
{
	local purpose
	for purpose in "$@"; do
		case $purpose in figures | notebooks) ;; *) return 1 ;; esac
	done
}

# Sets missing_packages (names) and qemu_problem ("", "absent", or a version that is too old).
packages_find_missing()
{
	local wanted=" run $* " purpose what package version
	! only_draws "$@" || wanted=" $* "
	case $wanted in *" linux-debug "* | *" linux-source-"*) wanted="$wanted linux-build " ;; esac
	missing_packages=
	while read -r purpose what package; do
		case $wanted in *" $purpose "*) ;; *) continue ;; esac
		have "$what" && continue
		case $package in *\?) package=${package%\?}; distribution_lacks "$package" && continue ;; esac
		case " $missing_packages " in *" $package "*) continue ;; esac
		missing_packages="$missing_packages $package"
	done < <(package_table)
	qemu_problem=
	! only_draws "$@" || return 0
	if ! debian_mirror_is_known && ! have debootstrap && ! fetch_cached >/dev/null 2>&1; then
		missing_packages="$missing_packages debootstrap"	# debootstrap contains the default mirror's address
	fi

	version=$(qemu_version)
	if [ -z "$version" ]; then
		qemu_problem=absent
	elif ! version_at_least "$version" "$qemu_min"; then
		qemu_problem=$version
	fi
}

qemu_package()
{
	if on_debian_12 || apt-cache show qemu-system-riscv 2>/dev/null | grep -q '^Version'; then
		echo qemu-system-riscv
	else
		echo qemu-system-misc
	fi
}

# Print apt-get's options for installing QEMU, for messages. Only Debian 12 needs any.
qemu_install_options()
{
	on_debian_12 || return 0
	backports_are_configured && { echo "-t bookworm-backports"; return 0; }
	echo "-t bookworm-backports (from a private list; your sources stay as they are)"
}

backports_are_configured()
{
	apt-get indextargets 'Created-By: Packages' 'Codename: bookworm-backports' \
		--format x 2>/dev/null | grep -q x
}

packages_explain()
{
	[ -z "$missing_packages" ] || say "missing packages:$missing_packages"
	case $qemu_problem in
	'') ;;
	absent) say "missing QEMU: $(qemu_package) $(qemu_install_options)" ;;
	*) say "QEMU $qemu_problem is too old, $qemu_min is needed: $(qemu_package)" \
		"$(qemu_install_options)" ;;
	esac
	[ -n "$missing_packages$qemu_problem" ] || say "no package is missing"
}

# Set the array root to the prefix of a command that needs root. If there is no way to become root,
# end with a message that says what to do.
find_root()
{
	root=()
	[ "$(id -u)" = 0 ] && return
	root=(sudo -n)
	if have sudo; then
		sudo -n true 2>/dev/null && return
		if [ -t 0 ] && [ -t 2 ]; then	# on a terminal, sudo may ask for a password
			root=(sudo)
			return
		fi
	fi
	packages_explain >&2
	if [ -n "$qemu_problem" ] && on_debian_12 && ! backports_are_configured; then
		die "installing packages needs root, and sudo does not work here without a password." \
			"As root: $here/hyperscope setup packages$purposes"
	fi
	die "installing packages needs root, and sudo does not work here without a password. As root:" \
		"apt-get install --no-install-recommends$missing_packages" \
		"${qemu_problem:+$(qemu_package) $(qemu_install_options)}"
}

# apt_root ARGS...: run apt-get as root without prompts; wait for another apt to finish.
apt_root()
{
	# Set the variables with env, because sudo drops those of the environment. Without
	# NEEDRESTART_MODE, needrestart (Ubuntu) would prompt.
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
		apt-get -q -y -o DPkg::Lock::Timeout=600 "$@"
}

install_packages()
{
	apt_root install --no-install-recommends "$@"
}

# Make a private list with both bookworm-backports and bookworm: with backports alone, dependencies
# are unmet. Set the array $private to apt's options for this list.
make_backports_list()	# FOLDER
{
	local mirror key=/usr/share/keyrings/debian-archive-keyring.gpg
	mirror=$(debian_mirror) || return 1
	mkdir -p "$1/lists/partial" || return 1
	printf 'deb [signed-by=%s] %s %s main\n' "$key" "$mirror" bookworm \
		"$key" "$mirror" bookworm-backports >"$1/list"
	private=(-o Dir::Etc::sourcelist="$1/list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::lists="$1/lists" -o APT::Sandbox::User=root)
}

install_from_backports()	# PACKAGE...
{
	local state status private
	if backports_are_configured; then
		install_packages -t bookworm-backports "$@"
		return
	fi
	state=$(mktemp -d) || return 1
	chmod 755 "$state"	# apt reads the list as its own user
	make_backports_list "$state" && apt_root "${private[@]}" update --error-on=any &&
		install_packages "${private[@]}" -t bookworm-backports "$@"
	status=$?
	"${root[@]}" rm -rf "$state"
	return $status
}

# QEMU from backports brings newer libraries (libelf1), with which some packages of Debian 12 itself
# (gdb-multiarch) can no longer be installed. Those packages are then taken from backports as well.
install_missing()	# PACKAGE...
{
	install_packages "$@" || { on_debian_12 && install_from_backports "$@"; }
}

install_qemu()
{
	if on_debian_12; then
		install_from_backports qemu-system-riscv
	else
		install_packages "$(qemu_package)"
	fi
}

packages_install()
{
	local version
	if [ -n "$missing_packages$qemu_problem" ]; then
		have apt-get || { packages_explain >&2; die "this machine has no apt-get: install the packages listed above by hand"; }
		find_root
		# If two set-ups run at once, even for different output folders, one waits while the other installs.
		exec 8</var/lib/dpkg/status	# readable by everybody, and not one of dpkg's own lock files
		flock -n 8 || { say "waiting for another set-up"; flock 8; }
		packages_find_missing $purposes
	fi
	if [ -n "$missing_packages$qemu_problem" ]; then
		step "reading the package lists" apt_root update ||
			die "apt-get update failed, so nothing could be installed; missing:" \
			"${missing_packages:-(no packages)} ${qemu_problem:+and QEMU}"
		packages_find_missing $purposes	# the lists now show what the distribution lacks
	fi
	if [ -n "$missing_packages" ]; then
		step "installing$missing_packages" install_missing $missing_packages || exit 1
	fi
	case $qemu_problem in
	'') ;;
	absent) step "installing QEMU ($(qemu_package))" install_qemu || exit 1 ;;
	*)
		say "QEMU $qemu_problem is too old: hyperscope needs $qemu_min or newer"
		step "installing a newer QEMU" install_qemu || exit 1
		;;
	esac
	exec 8>&-
	! only_draws $purposes || return 0

	version=$(qemu_version)
	[ -n "$version" ] || die "QEMU was installed, but qemu-system-riscv64 does not start"
	version_at_least "$version" $qemu_min ||
		die "QEMU $version is too old: hyperscope needs $qemu_min or newer ($(command -v "${QEMU:-qemu-system-riscv64}"))"
	version_at_least "$version" $qemu_full ||
		say "note: QEMU $version boots the guest, but has no DBCN and leaves htinst 0: tests that need them are skipped"
}
