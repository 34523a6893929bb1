# SPDX-License-Identifier: MIT
#
# programs.sh - for the tests of lab 13
#
#   programs SECONDS "NAME [ARGUMENT...]"...
#                 build programs of the folder tests, run them on the Linux module in one machine, and repeat their
#                 claims. Claim that each ends with status 0, that the core is called with interrupts off, and that
#                 Linux warns of nothing. The trace must contain each event of $core_events
#   machine OPTION...
#                 set options of scripts/hyperscope for the machines that follow

. "$HS_TOP/tests/lib/linux.sh"

core_events=(kvm_vcpu_load kvm_vcpu_put)
machine_options=()
machine()
{
	machine_options=("$@")
}

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
	# The third word of an event's line begins with d or D if interrupts were off.
	cat >"$tmp/programs.sh" <<-'END'
		claim() { if [ $1 = 0 ]; then echo "ok - $2"; else echo "not ok - $2"; fi; }
		cd /sys/kernel/tracing
		for event in kvm_vcpu_load kvm_vcpu_put kvm_unmap_hva_range; do echo 1 >events/hs/$event/enable; done
		for line; do
			echo "# $line"
			/$line
			status=$?
			claim $status "status $status"
		done
		echo 0 >tracing_on
		grep -E 'kvm_vcpu_load|kvm_vcpu_put|kvm_unmap_hva_range' trace >/tmp/events
		[ -s /tmp/events ] && ! grep -vE '\[[0-9]+\] [dD]' /tmp/events >/tmp/on
		claim $? "interrupts are off when a vCPU is loaded or put, and when pages are unmapped"
		[ ! -s /tmp/on ] || head -n 3 /tmp/on | sed 's/^/# /'
		for event in $CORE_EVENTS; do
			grep -q "$event" /tmp/events
			claim $? "the trace shows whether interrupts are off at $event"
		done
	END
	sed -i "1i CORE_EVENTS='${core_events[*]}'" "$tmp/programs.sh"
	on_module "programs" "$seconds" ${machine_options[@]+"${machine_options[@]}"} "${files[@]}" \
		--file "$tmp/programs.sh:/programs.sh" "$O/guest/busybox" sh /programs.sh "$@"
}
