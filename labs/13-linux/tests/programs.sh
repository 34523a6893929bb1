# SPDX-License-Identifier: MIT
#
# programs.sh - for the tests of lab 13
#
#   programs SECONDS "NAME [ARGUMENT...]"...
#                 build programs of the folder tests, run them on the Linux module in one machine, and repeat their
#                 claims. Claim that each ends with status 0, and that Linux warns of nothing

. "$HS_TOP/tests/lib/linux.sh"

programs()
{
	local seconds=$1 word files=()
	shift
	for word; do
		word=${word%% *}
		make -s --no-print-directory -C "$HS_TOP" O="$O" "$O/tests/$word" >"$tmp/make" 2>&1 || {
			ok 1 "$word is built"
			diag "$(tail -n 5 "$tmp/make")"
			return
		}
		files+=(--file "$O/tests/$word:/$word")
	done
	cat >"$tmp/programs.sh" <<-'END'
		for line; do
			echo "# $line"
			/$line
			status=$?
			[ $status = 0 ] && echo "ok - status 0" || echo "not ok - status $status"
		done
	END
	on_module "programs" "$seconds" "${files[@]}" --file "$tmp/programs.sh:/programs.sh" "$O/guest/busybox" sh /programs.sh "$@"
}
