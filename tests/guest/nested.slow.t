#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Complete systems under nested virtualization: Debian's kernel as the guest of hyperscope in hyperscope,
# also with four vCPUs at each level, saved while a program runs, and restored, and on Spike; three levels
# of hyperscope; and Debian's kernel with KVM as a guest hypervisor, which runs payloads and Debian's
# kernel with this project's VMM, also with an AIA at each level.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
guest_dir=$O/guest
needs_built "$O/vmm" "$O/hyperscope.bin" "$O/guest-payloads/"{sbi,hello,fp,timer}.bin
needs_fetched "$O/guest-initrd.cpio" "$guest_dir/busybox" "$guest_dir/vmlinux" "$guest_dir/modules/kvm.ko"
! spoils_redirects || skip_all "$spoiled_redirects"

archive()	# FOLDER FILE: write the folder's contents as an initramfs
{
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet) >"$2"
}

# ---- L1: hyperscope ----

# level FOLDER IMAGE INITRD VMM_OPTION... [-- BOOT_ARGUMENT...]: write FOLDER.cpio, with which hyperscope runs IMAGE in a VM
level()
{
	local folder=$1 image=$2 initrd=$3 words=(/vmm --quiet)
	shift 3
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	mkdir -p "$folder/.hs"
	cp "$O/vmm" "$folder/vmm"
	cp "$image" "$folder/Image"
	[ -z "$initrd" ] || { cp "$initrd" "$folder/initrd" && words+=(--initrd /initrd); }
	[ $# -eq 0 ] || words+=(--append "${*:2}")
	printf 'argv=%s\0' "${words[@]}" /Image >"$folder/.hs/exec"
	printf '%s\0' stdin=null stdout=console stderr=console cwd=/ >>"$folder/.hs/exec"
	archive "$folder" "$folder.cpio"
}

level "$tmp/l1" "$guest_dir/vmlinux" "$O/guest-initrd.cpio" --memory 256M -- console=ttyS0 quiet
HS_SECONDS=240 hs run --host nested --quiet --memory 256M
is "$status" 0 "Debian's kernel runs in hyperscope in hyperscope" || diag "$err" "$(tail -n 5 <<<"$out")"
like "$out" 'the tour ends with status 0' "its tour ends without an error"

level "$tmp/l1-four" "$guest_dir/vmlinux" "$O/guest-initrd.cpio" --vcpus 4 --memory 256M -- console=ttyS0 quiet
HS_SECONDS=240 hs run --nested --quiet --harts 4 --vcpus 4 --memory 700M --initrd "$tmp/l1-four.cpio" "$O/hyperscope.bin"
is "$status" 0 "so it does with four vCPUs at each level" || diag "$err" "$(tail -n 5 <<<"$out")"
like "$out" 'is up, 4 cpu' "L2 has four vCPUs"
like "$out" 'the tour ends with status 0' "its tour ends without an error"

level "$tmp/l2" "$O/guest-payloads/sbi.bin" "" --memory 64M
level "$tmp/l1-three" "$O/hyperscope.bin" "$tmp/l2.cpio" --nested --memory 160M
HS_SECONDS=240 hs run --nested --quiet --memory 400M --initrd "$tmp/l1-three.cpio" "$O/hyperscope.bin"
is "$status:$(grep '^not ok' <<<"$out")" "0:" "a payload runs in hyperscope in hyperscope in hyperscope" || diag "$err"
like "$(tr -d '\r' <<<"$out")" '^1\.\.[0-9]' "to its end"

# A VM is saved while its guest's guest runs, with the dirty log on. With an AIA, L2's IMSICs are guest interrupt files of L1,
# whose state is saved, too.
mkdir -p "$tmp/sums/hs"
cat >"$tmp/sums/hs/command" <<'END'
first=$(md5sum </bin/busybox)
i=0
while [ $i -lt 500 ]; do
	[ "$(md5sum </bin/busybox)" = "$first" ] || echo "a sum differs"
	i=$((i + 1))
done
echo "the sums are done"
END
archive "$tmp/sums" "$tmp/sums.cpio"
cat "$O/guest-initrd.cpio" "$tmp/sums.cpio" >"$tmp/initrd"
aia=() chip=()
qemu_older 10.0 || aia=(--machine aia --cpu rv64,smaia=on,ssaia=on,smstateen=on --set irqchip=aia_hwaccel) chip=(--irqchip aia_hwaccel)
level "$tmp/l1-saved" "$guest_dir/vmlinux" "$tmp/initrd" "${chip[@]}" --vcpus 2 --memory 256M -- console=ttyS0 quiet
HS_SECONDS=240 hs run "${aia[@]}" --nested --quiet --vcpus 2 --memory 700M --initrd "$tmp/l1-saved.cpio" --save "$tmp/saved" \
	--save-on 'is up, ' "$O/hyperscope.bin"
is "$status" 0 "a VM is saved while its guest's guest runs" || diag "$err"
unlike "$out" 'the sums are done' "before that guest's program ends"
saved=$out
HS_SECONDS=240 hs run "${aia[@]}" --quiet --restore "$tmp/saved"
is "$status" 0 "it is restored" || diag "$err"
like "$out" 'the sums are done' "the program then ends"
unlike "$saved$out" 'a sum differs' "and has always read the same bytes"

if command -v "${SPIKE:-spike}" >/dev/null; then
	# Spike ignores htimedelta when vstimecmp is written.
	HS_SECONDS=240 hs run --machine spike --without-observation --set timer=hrtimer --nested --quiet --vcpus 2 --memory 700M \
		--initrd "$tmp/l1.cpio" "$O/hyperscope.bin"
	is "$status" 0 "on Spike, Debian's kernel runs in hyperscope in hyperscope" || diag "$err" "$(tail -n 5 <<<"$out")"
	like "$out" 'the tour ends with status 0' "on Spike, its tour ends without an error"
else
	skip "Debian's kernel in hyperscope in hyperscope on Spike" "riscv-isa-sim is not installed (\$SPIKE, or spike on the PATH)"
fi

# ---- L1: Debian's kernel with KVM; L2: payloads, and Debian's kernel ----

mkdir -p "$tmp/kvm/"{dev,proc,sys,bin}
cp "$O/vmm" "$guest_dir/busybox" "$guest_dir/modules/kvm.ko" "$O/guest-payloads/"{hello,fp,timer}.bin "$tmp/kvm"
cp "$guest_dir/vmlinux" "$O/guest-initrd.cpio" "$tmp/kvm"
cat >"$tmp/kvm/init" <<'END'
#!/busybox sh
/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
insmod /kvm.ko
for p in hello fp timer; do
	/vmm --quiet --memory 64M --append on=linux /$p.bin </dev/null
	echo "$p: status $?"
done
for n in 1 2; do
	/vmm --quiet --vcpus $n --memory 256M --initrd /guest-initrd.cpio --append "console=ttyS0 quiet" /vmlinux </dev/null
	echo "Debian on $n: status $?"
done
poweroff -f
END
chmod +x "$tmp/kvm/init"
archive "$tmp/kvm" "$tmp/kvm.cpio"
HS_SECONDS=480 hs run --nested --quiet --vcpus 2 --memory 900M --initrd "$tmp/kvm.cpio" --append "console=ttyS0 quiet panic=-1" "$guest_dir/vmlinux"
is "$status" 0 "Debian's kernel is a guest hypervisor" || diag "$err" "$(tail -n 5 <<<"$out")"
out=$(tr -d '\r' <<<"$out")
for p in hello fp timer; do
	like "$out" "$p: status 0" "its KVM runs the payload $p"
done
is "$(grep '^not ok' <<<"$out")" "" "all claims of the payloads hold"
for n in 1 2; do
	like "$out" "Debian on $n: status 0" "its KVM runs Debian's kernel with $n vCPU(s)"
done
is "$(grep -c 'the tour ends with status 0' <<<"$out")" 2 "each time, the tour ends without an error"

# On one hart, and with few faults (docs/toggles.md, shadow), four vCPUs at each level do not take long.
cat >"$tmp/kvm/init" <<'END'
#!/busybox sh
/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
insmod /kvm.ko
/vmm --quiet --vcpus 4 --memory 256M --initrd /guest-initrd.cpio --append "console=ttyS0 quiet" /vmlinux </dev/null
echo "Debian: status $?"
poweroff -f
END
archive "$tmp/kvm" "$tmp/kvm.cpio"
HS_SECONDS=480 hs run --nested --quiet --icount --set shadow=protect --vcpus 4 --memory 900M --initrd "$tmp/kvm.cpio" \
	--append "console=ttyS0 quiet panic=-1" "$guest_dir/vmlinux"
out=$(tr -d '\r' <<<"$out")
like "$out" 'Debian: status 0' "Debian's KVM runs Debian's kernel with four vCPUs on four vCPUs" || diag "$err"
like "$out" 'is up, 4 cpu' "which it uses"
is "$(grep -c 'the tour ends with status 0' <<<"$out")" 1 "its tour ends without an error"

# ---- the same with an AIA at each level: L2's IMSICs are guest interrupt files of L1 ----

if qemu_older 10.0; then
	skip "L1 and L2 have an AIA" "QEMU $(qemu_version) is older than 10.0"
else
	cat >"$tmp/kvm/init" <<'END'
#!/busybox sh
/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
insmod /kvm.ko
/vmm --quiet --irqchip aia_hwaccel --vcpus 2 --memory 256M --initrd /guest-initrd.cpio --append "console=ttyS0 quiet" /vmlinux </dev/null
echo "Debian: status $?"
cat /proc/interrupts
poweroff -f
END
	archive "$tmp/kvm" "$tmp/kvm.cpio"
	HS_SECONDS=480 hs run --nested --quiet --machine aia --cpu rv64,smaia=on,ssaia=on,smstateen=on --set irqchip=aia_emul --vcpus 2 --memory 900M \
		--initrd "$tmp/kvm.cpio" --append "console=ttyS0 quiet panic=-1" "$guest_dir/vmlinux"
	out=$(tr -d '\r' <<<"$out")
	like "$out" 'Debian: status 0' "Debian's KVM, in a VM with an AIA, runs Debian's kernel in a VM with an AIA" || diag "$err"
	like "$out" '^isa.*_ssaia' "that kernel's harts have Ssaia"
	is "$(grep -c 'the tour ends with status 0' <<<"$out")" 1 "its tour ends without an error"
	like "$out" 'APLIC-MSI.*ttyS0' "L1's devices signal by MSIs"
	like "$out" '12: +[1-9][0-9]* .*riscv-kvm' "an MSI to a guest interrupt file wakes L2's vCPU by an SGEI of L1"
fi
done_testing
