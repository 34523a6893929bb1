# SPDX-License-Identifier: MIT
#
# walk.sh - functions for the tests of walkthroughs. Source it after tap.sh.
#
#   why_no_tours         print the reason why tours cannot run here, or nothing
#   walk WORD...         run scripts/hyperscope walk with a time-out
#   tour_plays NAME      claim that the tour plays and that its page is current

why_no_tours()
{
	if ! command -v gdb-multiarch >/dev/null; then
		echo "gdb-multiarch is not installed (scripts/hyperscope setup test)"
	elif qemu_older 10.0; then
		echo "QEMU $(qemu_version) does not tell gdb whether a hart is in HS or in VS (10.0 does)"
	fi
}

walk()	# WORD...
{
	timeout "$(scaled 150)" "$HS_TOP/scripts/hyperscope" walk --timeout "$(scaled 120)" "$@" </dev/null 2>&1
}

tour_plays()	# NAME
{
	local said
	if [ "$1" = fp-lazy-trap ] && spoils_redirects; then
		skip "$1" "$spoiled_redirects"
		return
	fi
	said=$(walk --check "$1")
	ok $? "$1 plays, and its page is current" || diag "$said"
}
