# SPDX-License-Identifier: MIT
#
# linux.sh - functions for tests that boot Linux, as a guest or with the module.

# Write the guest's initrd, followed by the files of a folder.
make_initrd()	# FOLDER FILE
{
	cp "$O/guest-initrd.cpio" "$2"
	truncate -s %512 "$2"
	(cd "$1" && find . -mindepth 1 | cpio -o -H newc --quiet) >>"$2"
}

# Claim that the log of a kernel with the module, $tmp/log, contains no warning.
no_warning()	# NAME
{
	local warnings='WARNING|\bBUG|ODEBUG|Oops|panic:|detected (expedited )?stall|starved for|parent .kvm. already'
	warnings+='|already exists in .kvm.|kmemleak: [1-9]|blocked for more|pagealloc:'
	is "$(grep -cE "$warnings" "$tmp/log")" 0 "$1: no warning of Linux" || diag "$(grep -E -A 40 "$warnings" "$tmp/log" | head -n 90)"
}

# Commands for a machine with the module: switch the scheduler's fair servers off. With them, Linux 6.12 may warn while harts go
# offline (docs/linux-module.md, "Harts that go offline").
fair_servers_off='
	for server in /sys/kernel/debug/sched/fair_server/cpu*; do
		echo 0 >$server/runtime || exit 1
	done
'

# Print the kernel arguments for Linux's own time-outs (soft lockups, RCU stalls, hung tasks): the defaults, scaled like the
# time-outs of the tests.
stall_timeouts()
{
	local stall
	stall=$(scaled 21)
	echo "watchdog_thresh=$(scaled 10) rcupdate.rcu_cpu_stall_timeout=$((stall < 300 ? stall : 300))" \
		"sysctl.kernel.hung_task_timeout_secs=$(scaled 120)"
}

# Run a program in a machine whose kernel has the module, and relay its claims. Claim that the program ends with status 0, and
# that Linux warns of nothing. Its output is in $out. OPTION is one of `linux-kvm exec`. If a hart came online later than Linux
# waits for it (docs/linux-module.md, "Harts that go offline"), the program's claims are skipped, and $late is set.
on_module()	# NAME SECONDS OPTION... PROGRAM ARGUMENT...
{
	local name=$1
	late=
	out=$(timeout -s KILL "$(scaled "$2")" "$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope \
		--out "$O" --timeout "$(scaled $(($2 - 50)))" --log "$tmp/log" --kernel-args "$(stall_timeouts)" "${@:3}" \
		</dev/null 2>"$tmp/err")
	status=$?
	if grep -q 'failed to come online' "$tmp/log"; then
		sed -i '/failed to come online/,$d' "$tmp/log"
		no_warning "$name, until a hart came too late"
		grep '^not ok' <<<"$out" | sed 's/^/# /'
		late=1
		skip "$name" "QEMU did not run a hart for a second, and Linux gave the hart up"
		return
	fi
	relay "$out" "$name"
	is "$status" 0 "$name: status 0" || diag "$(tail -n 20 "$tmp/err")"
	no_warning "$name"
}
