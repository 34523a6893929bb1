# SPDX-License-Identifier: MIT
#
# perf.sh - run tests/progs/perfcount in a guest with Debian's kernel.
#
#   perf_initrd FILE [ARGS]   make FILE, an initrd in which the guest runs perfcount ARGS
#   report_perf TEXT [--sscofpmf]   relay the TAP in TEXT, the guest's output, as claims of this test,
#                             and claim that the kernel has found the SBI PMU, and Sscofpmf

. "$HS_TOP/tests/lib/linux.sh"
[ -f "$O/guest-initrd.cpio" ] || skip_all "there is no guest kernel: set-up could not fetch it"
! qemu_older 9.1 || skip_all "this QEMU's counters cannot tell the guest's work from the host's"

perf_initrd()
{
	local initrd=$1 dir=$tmp/perf-extra
	shift
	mkdir -p "$dir/hs" "$dir/bin"
	cp "$O/tests/progs/perfcount" "$dir/bin/perfcount"
	cat >"$dir/hs/command" <<END
dmesg | sed -n 's/^[^]]*] riscv-pmu-sbi: //p'
perfcount $*
END
	make_initrd "$dir" "$initrd"
}

report_perf()
{
	local line text seen=0 plan=
	text=$(tr -d '\r' <<<"$1")
	like "$text" "^SBI PMU extension is available" "Debian's kernel finds the SBI PMU"
	like "$text" "^22 firmware and 18 hardware counters" "the guest has as many counters as on Linux KVM"
	like "$text" "^SBI PMU snapshot detected" "Debian's kernel finds SBI PMU snapshots"
	[ -z "${2:-}" ] || unlike "$text" "sampling/filtering is not supported" "Debian's kernel does not report that sampling is unsupported"
	while IFS= read -r line; do
		case $line in
		"ok "*" # SKIP "*) seen=$((seen + 1)); line=${line#ok * - }; skip "${line%% # SKIP*}" "${line##*# SKIP }" ;;
		"ok "*) seen=$((seen + 1)); ok 0 "${line#ok * - }" ;;
		"not ok "*) seen=$((seen + 1)); ok 1 "${line#not ok * - }" ;;
		"# "*) echo "$line" ;;
		1..*) plan=${line#1..} ;;
		esac
	done <<<"$text"
	is "$plan" "$seen" "perfcount runs to completion"
}
