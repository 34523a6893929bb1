#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Complete systems under nested virtualization: Debian's kernel as the guest of hyperscope in hyperscope,
# also saved when its first program runs, and restored, and on Spike; and Debian's kernel with KVM as a
# guest hypervisor, which runs payloads and Debian's kernel with this project's VMM, also with an AIA at
# each level.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
guest_dir=$O/guest
for f in "$O/vmm" "$O/guest-initrd.cpio" "$guest_dir/busybox" "$guest_dir/vmlinux" "$guest_dir/modules/kvm.ko"; do
	[ -f "$f" ] || skip_all "$f is missing: set-up could not fetch it"
done
! spoils_redirects || skip_all "$spoiled_redirects"

archive()	# FOLDER FILE: write the folder's contents as an initramfs
{
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc --quiet) >"$2"
}

# ---- L1: hyperscope; L2: Debian's kernel ----

mkdir -p "$tmp/l1/.hs"
cp "$O/vmm" "$tmp/l1/vmm"
cp "$guest_dir/vmlinux" "$tmp/l1/Image"
cp "$O/guest-initrd.cpio" "$tmp/l1/initrd"
printf 'argv=%s\0' /vmm --quiet --memory 256M --initrd /initrd --append "console=ttyS0 quiet" /Image >"$tmp/l1/.hs/exec"
printf '%s\0' stdin=null stdout=console stderr=console cwd=/ >>"$tmp/l1/.hs/exec"
archive "$tmp/l1" "$tmp/l1.cpio"
HS_SECONDS=240 hs run --host nested --quiet --memory 256M
is "$status" 0 "Debian's kernel runs in hyperscope in hyperscope" || diag "$err" "$(tail -n 5 <<<"$out")"
like "$out" 'the tour ends with status 0' "its tour ends without an error"

# With an AIA, L2's IMSICs are guest interrupt files of L1, whose state is saved, too.
aia=() saved_l1=$tmp/l1.cpio
if ! qemu_older 10.0; then
	aia=(--machine aia --cpu rv64,smaia=on,ssaia=on,smstateen=on --set irqchip=aia_hwaccel)
	cp -r "$tmp/l1" "$tmp/l1-aia"
	sed -i 's,--quiet,--irqchip\x00argv=aia_hwaccel\x00argv=--vcpus\x00argv=2\x00argv=--quiet,' "$tmp/l1-aia/.hs/exec"
	saved_l1=$tmp/l1-aia.cpio
	archive "$tmp/l1-aia" "$saved_l1"
fi
HS_SECONDS=240 hs run "${aia[@]}" --nested --quiet --vcpus 2 --memory 700M --initrd "$saved_l1" --save "$tmp/saved" --save-on 'is up, ' --save-rounds 0 \
	"$O/hyperscope.bin"
is "$status" 0 "it is saved when its first program runs" || diag "$err"
unlike "$out" 'the tour ends' "before its tour ends"
HS_SECONDS=240 hs run "${aia[@]}" --quiet --restore "$tmp/saved"
is "$status" 0 "and restored" || diag "$err"
like "$out" 'the tour ends with status 0' "its tour then ends without an error"

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
