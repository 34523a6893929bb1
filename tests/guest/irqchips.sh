# SPDX-License-Identifier: MIT
#
# irqchips.sh - run a guest with each interrupt controller, for irqchips.t and irqchips.slow.t.

needs_built "$O/vmm" "$O/hyperscope.bin" "$O/guest-payloads/save.bin"
needs_fetched "$O/guest/busybox"
! qemu_older 8.0 || skip_all "QEMU $(qemu_version) has no -cpu max" # and no guest interrupt files

# A machine in which a hart has one guest interrupt file, so that vCPUs have to share it.
cat >"$tmp/qemu" <<END
#!/bin/bash
exec ${QEMU:-qemu-system-riscv64} "\${@/aia-guests=3/aia-guests=1}"
END
chmod +x "$tmp/qemu"
one_file=(--qemu "$tmp/qemu" --machine aia)

saves_and_restores()	# IRQCHIP/VCPUS...: a payload is saved and restored with each of these
{
	local pair claims
	cat >"$tmp/script" <<-'END'
	pause=$1
	shift
	mkdir /c && cd /c
	dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
	for pair; do
		set -- --irqchip "${pair%/*}" --disk disk
		echo "=== $pair"
		/vmm "$@" --testdev --vcpus "${pair#*/}" --memory 32M --save stopped --save-rounds 0 --append pause=$pause /save.bin
		echo "saved: $?"
		/vmm "$@" --restore stopped
		echo "restored: $?"
	done 2>&1
	END
	HS_SECONDS=90 hs exec --quiet "${one_file[@]}" --harts 2 --memory 512M --file "$O/vmm" \
		--file "$O/guest-payloads/save.bin" --file "$tmp/script:/script" "$O/guest/busybox" sh /script "$(scaled 2)" "$@"
	is "$status" 0 "the host runs the whole script" || diag "$err"
	out=$(tr -d '\r' <<<"$out")
	for pair; do
		claims=$(sed -n "\\,^=== $pair\$,,/^restored/p" <<<"$out")
		is "$(grep -E '^(saved|restored): |^not ok' <<<"$claims" | xargs):$(grep -c '^1\.\.' <<<"$claims")" \
			"saved: 0 restored: 0:1" \
			"${pair%/*}, ${pair#*/} vCPUs: a payload is saved and restored, and every claim holds" ||
			diag "$claims"
	done
}
