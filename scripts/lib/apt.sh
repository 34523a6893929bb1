# SPDX-License-Identifier: MIT
#
# apt.sh - fetch packages of any suite of Debian, for any architecture, without privileges.
#
# A private apt under $out/dl has its own list, state and cache for each suite, and trusts only the
# archive's key. The machine's own apt is not affected.

suite=trixie
suite_alias=stable	# update_lists() checks that this is still the same suite
key=/usr/share/keyrings/debian-archive-keyring.gpg

# ---- mirrors -------------------------------------------------------------------------------

sources_mirror()
{
	apt-get "$@" indextargets 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' \
		--format '$(REPO_URI)' 2>/dev/null | grep -v '^cdrom:' | sort -u | head -n 1
}

debootstrap_mirror()
{
	local script=/usr/sbin/debootstrap
	[ -r $script ] || return 1
	sed -n 's/^[[:space:]]*DEF_MIRROR="\{0,1\}\([^"[:space:]]*\)"\{0,1\}.*/\1/p' $script | head -n 1
}

# Print the mirror of a Debian machine whose package lists have never been read ("apt-get update"
# has not run): read them once into a private folder, which needs no privileges.
unread_sources_mirror()
{
	local state
	[ "$(os_field ID)" = debian ] || return 1
	state=$(mktemp -d) || return 1
	mkdir -p "$state/lists/partial"
	local private=(-o Dir::State="$state" -o Dir::Cache="$state" -o Debug::NoLocking=true
		-o APT::Sandbox::User=root -o Acquire::Languages=none)
	apt-get "${private[@]}" -q update >/dev/null 2>&1
	sources_mirror "${private[@]}"
	rm -rf "$state"
}

debian_mirror_is_known()
{
	[ -n "${DEBIAN_MIRROR:-}" ] || [ "$(os_field ID)" = debian ] || [ -n "$(sources_mirror)" ]
}

debian_mirror()
{
	local mirror=${DEBIAN_MIRROR:-}
	[ -n "$mirror" ] || mirror=$(sources_mirror)
	[ -n "$mirror" ] || mirror=$(unread_sources_mirror)
	[ -n "$mirror" ] || mirror=$(debootstrap_mirror)
	if [ -z "$mirror" ]; then
		echo "$me: no Debian mirror is known: set DEBIAN_MIRROR to the URL of one" >&2
		return 1
	fi
	echo "$mirror"
}

# ---- package lists and packages ------------------------------------------------------------

# Print the folder of the private apt for a suite. SUITE-host is the suite for this machine's own
# architecture, and SUITE-all for packages of all architectures: they are in every architecture's list,
# and amd64's is in step with the archive's index more often than riscv64's.
apt_of()	# SUITE
{
	[ "$1" = $suite ] && echo "$dl/apt" || echo "$dl/apt-$1"
}

write_apt_conf()	# SUITE MIRROR NAME: the suite's name on the mirror
{
	local d arch=riscv64
	d=$(apt_of "$1")
	case $1 in
	*-all) arch=amd64 ;;
	*-host) arch=$(dpkg --print-architecture) ;;
	esac
	mkdir -p "$d/state/lists/partial" "$d/cache/archives/partial" || return 1
	: >"$d/status"
	cat >"$d/list" <<-END
	deb [arch=$arch signed-by=$key target=Packages] $2 $3 main
	$([ "$1" != $suite ] || echo "deb-src [signed-by=$key target=Sources] $2 $3 main")
	END
	cat >"$d/conf" <<-END
	Dir::State "$d/state";
	Dir::State::status "$d/status";
	Dir::Cache "$d/cache";
	Dir::Etc::sourcelist "$d/list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	Dir::Etc::trusted "/dev/null";
	Dir::Etc::trustedparts "/dev/null";
	#clear APT::Architectures;
	APT::Architecture "$arch";
	APT::Architectures "$arch";
	APT::Sandbox::User "$(id -un)";
	Acquire::Languages "none";
	#clear APT::Update::Post-Invoke;
	#clear APT::Update::Post-Invoke-Success;
	Debug::NoLocking "true";
	END
}

# Without --error-on=any, apt-get reports success even if the network is down.
apt_update()	# SUITE MIRROR NAME
{
	write_apt_conf "$1" "$2" "$3" && apt-get -c "$(apt_of "$1")/conf" update --error-on=any &&
		grep -Eqx "(Codename|Suite): $(suite_of "$1")" "$(apt_of "$1")"/state/lists/*_InRelease
}

suite_of()	# SUITE, SUITE-host or SUITE-all
{
	local name=${1%-host}
	echo "${name%-all}"
}

# During and after an update of a mirror, a list may not be in step with the index of the same name.
# The suite's other name often still has an older index with the lists that belong to it.
update_lists()	# SUITE MIRROR
{
	local name
	name=$(suite_of "$1")
	apt_update "$1" "$2" "$name" && return
	case $name in
	"$suite" | "$suite-backports") apt_update "$1" "$2" "$suite_alias${name#"$suite"}" ;;
	*) return 1 ;;
	esac
}

lists_read=

read_lists()	# [SUITE]
{
	local name=${1:-$suite} mirror
	case " $lists_read " in *" $name "*) return 0 ;; esac
	mirror=$(debian_mirror) || return 1
	step "reading Debian $(suite_of "$name")'s package lists" update_lists "$name" "$mirror" || return 1
	lists_read="$lists_read $name"
}

# Run apt-get with these arguments in a temporary folder. Move the fetched files to $dl only if
# apt-get succeeds: the files are then complete and verified.
download()	# SUITE COMMAND...
{
	local tmp=$dl/partial.$$ conf
	conf=$(apt_of "$1")/conf
	shift
	rm -rf "$tmp"
	mkdir -p "$tmp" || return 1
	(cd "$tmp" && apt-get -q -c "$conf" "$@") && mv "$tmp"/* "$dl/"
	local status=$?
	rm -rf "$tmp"
	return $status
}

newest()	# FILE...: prints the last existing one, in version order
{
	local f
	for f in "$@"; do
		[ -f "$f" ] && echo "$f"
	done | sort -V | tail -n 1
}

# Fetch the package unless it exists. Set $package to its file name.
get_package()	# NAME TEXT [SUITE]
{
	local from=${3:-$suite}
	package=$(newest "$dl/$1"_*.deb)
	[ -z "$package" ] || return 0
	read_lists "$from" || return 1
	step "fetching $2" download "$from" download "$1" || return 1
	package=$(newest "$dl/$1"_*.deb)
	[ -n "$package" ]
}
