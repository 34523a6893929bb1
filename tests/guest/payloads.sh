# SPDX-License-Identifier: MIT
#
# payloads.sh - run many payloads in one boot, and relay their claims.
#
#   . tests/lib/tap.sh; . tests/guest/payloads.sh
#   vm LABEL PAYLOAD [VMM-OPTION...]      run a payload; its claims must hold, and its status must
#                                         be 0
#   vm_ends LABEL PAYLOAD [VMM-OPTION...] run a payload, but relay no claims; after boot,
#                                         $(text LABEL) is its output, and $(status_of LABEL) is
#                                         its status
#   vm_list here|linux                    call vm for each line of tests/guest/payloads whose WHERE
#                                         contains this word
#   toggle NAME [VALUE]                   set a toggle for the VMs that follow (hyperscope only);
#                                         without VALUE, restore the machine's value, which
#                                         $HYPERSCOPE_SET may have set
#   together ... apart                    run the VMs between these two at the same time
#   boot hyperscope|linux [OPTION...]     run all VMs, then report the claims of each vm
# The commands before boot only add lines to a script, which busybox's sh then runs on the host.

guest_dir=$O/guest
script=$tmp/vms
: >"$script.body"
reported=()
payloads=()

need_files()
{
	needs_built "$O/vmm" "$O/hyperscope.bin" "$O/guest-payloads/hello.bin"
	needs_fetched "$guest_dir/busybox" "$@"
}

vm_ends()
{
	local label=$1 payload=$2
	shift 2
	payloads+=("$O/guest-payloads/$payload.bin")
	printf 'vm %s /%s.bin %s\n' "'$label'" "$payload" "$(printf "'%s' " "$@")" >>"$script.body"
}

vm()
{
	case $2 in
	hostile | fp | hello | timer | sbi) ;;
	*)
		if qemu_older 8.0; then
			skip "$1" "this QEMU shows a guest no pending interrupt in sip, its HLVX reads no \
execute-only page, and a walk's fault has the cause of a load"
			return
		fi
		;;
	esac
	reported+=("$1")
	vm_ends "$@"
}

vm_list()	# WHERE
{
	local name places words
	while IFS=: read -r name places words; do
		case "$name:$places " in
		"#"*) ;;
		*" $1 "*)
			read -ra words <<<"$words"
			vm "$name" "${words[@]}"
			;;
		esac
	done <"$HS_TOP/tests/guest/payloads"
}

toggle()
{
	echo "toggle $*" >>"$script.body"
}

together()
{
	echo "together" >>"$script.body"
}

apart()
{
	echo "apart" >>"$script.body"
}

# Linux loses the time just written by SBI set_timer if its scheduler preempts the vCPU's thread
# before the guest continues: kvm_riscv_vcpu_timer_restore() writes back the vstimecmp that was saved
# at the exit (docs/lost-timer.md). This was seen in 1 of 40 runs of the payload sbi beside three busy
# loops.
# So on Linux KVM, a VM with one vCPU runs with real-time priority. VMs whose vCPUs wait for each
# other on fewer harts must not have this priority.
write_script()	# SYSTEM
{
	cat >"$script" <<END
alone=$([ "$1" != linux ] || echo /fifo)
parameters=/sys/module/kvm/parameters
mkdir /initial && cp \$parameters/* /initial 2>/dev/null
one() {
	label=\$1 image=\$2
	shift 2
	append="on=$1 $(quirks | xargs) \$(cd \$parameters && [ ! -e counters ] || echo counters=\$(cat counters))"
	args= first=\$alone
	case " \$* " in *" --vcpus "*) first= ;; esac
	for a; do case \$a in *=*) append="\$append \$a" ;; *) args="\$args \$a" ;; esac; done
	echo "=== \$label"
	\$first /vmm --quiet \$args --append "\$append" \$image </dev/null 2>&1
	printf '\n=== status %d\n' \$?
}
side=
vm() {
	if [ "\$side" ]; then
		side=\$((side + 1))
		one "\$@" >/side.\$side &
	else
		one "\$@"
	fi
}
together() { side=0; }
apart() {
	wait
	cat /side.*
	rm /side.*
	side=
}
# A VM started in the background has read its toggles once its payload has printed a line or the VM
# has ended.
started() {
	tries=0
	until grep -q -e ' - ' -e '^=== status' /side.\$side || [ \$tries = 600 ]; do
		tries=\$((tries + 1))
		sleep 0.05
	done
}
toggle() {
	[ \${side:-0} = 0 ] || started
	echo \${2:-\$(cat /initial/\$1)} >\$parameters/\$1 || echo "=== no toggle \$1"
}
END
	cat "$script.body" >>"$script"
}

text()
{
	sed -n "/^=== $1\$/,/^=== status/p" "$tmp/all" | sed '1d;$d' | tr -d '\r'
}

status_of()
{
	sed -n "/^=== $1\$/,/^=== status/p" "$tmp/all" | sed -n 's/^=== status //p'
}

# Relay the payload's TAP with new numbers, and its comments unchanged.
report()
{
	local label=$1 line seen=0 plan=
	while IFS= read -r line; do
		case $line in
		"ok "*" # SKIP "*)
			seen=$((seen + 1))
			line=${line#ok * - }
			skip "$label: ${line%% # SKIP*}" "${line##*# SKIP }"
			;;
		"ok "*) seen=$((seen + 1)); ok 0 "$label: ${line#ok * - }" ;;
		"not ok "*) seen=$((seen + 1)); ok 1 "$label: ${line#not ok * - }" ;;
		"# "*) echo "$line" ;;
		1..*) plan=${line#1..} ;;
		*"where there is no device" | *"too many errors of the guest"*) ;; # expected from the VMM
		*) [ -z "$line" ] || echo "# $line" ;;
		esac
	done < <(text "$label")
	is "$(status_of "$label"):$plan" "0:$seen" "$label: runs to completion" || tail -n 5 "$tmp/err"
}

boot()
{
	local system=$1 limit label
	shift
	limit=$(scaled "${BOOT_SECONDS:-60}")
	write_script "$system"
	mapfile -t payloads < <(printf '%s\n' "${payloads[@]}" | sort -u)
	local files=(--file "$O/vmm" --file "$script:/vms")
	for label in "${payloads[@]}"; do files+=(--file "$label"); done
	case $system in
	linux)
		set -- "$HS_TOP/scripts/hyperscope" linux-kvm exec --log "$tmp/log" "$@"
		files+=(--file "$O/tests/progs/fifo")
		;;
	*) set -- "$HS_TOP/scripts/hyperscope" exec "$@" ;;
	esac
	timeout --kill-after=5 $((limit + 10)) "$@" --timeout "$limit" "${files[@]}" \
		"$guest_dir/busybox" sh /vms </dev/null >"$tmp/all" 2>"$tmp/err"
	is $? 0 "the host runs every payload and powers off" || diag "$(tail -n 30 "$tmp/err"; tail -n 5 "$tmp/all")"
	unlike "$(<"$tmp/all")" '^=== no toggle' "every toggle has taken its values"
	for label in "${reported[@]}"; do report "$label"; done
	reported=() payloads=()
	: >"$script.body"
}
