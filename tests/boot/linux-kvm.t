#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-kvm.t - the VMM on Linux KVM: payloads, usage errors, and Debian's kernel, all in one boot
# of the host. Then the same binary boots the same guest under hyperscope, where the guest must see
# no difference except the name of its SBI implementation.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"

guest_dir=$O/guest
payloads=$O/guest-payloads
needs_built "$O/vmm" "$O/hyperscope.bin" "$payloads/hello.bin"
needs_fetched "$guest_dir/vmlinux" "$guest_dir/modules/kvm.ko" "$O/guest-initrd.cpio"

# ---- the guest's script: it runs in two boots, which the disk's first line tells apart ----------

mkdir -p "$tmp/extra/hs"
echo 1 >"$tmp/extra/hs/disks"
cat >"$tmp/extra/hs/command" <<'END'
read -r life </dev/vda
if [ "$life" = second ]; then
	echo "life: second"
	exit 42
fi
echo "life: first"
uname -srvm
echo "cpus: $(nproc), online $(cat /sys/devices/system/cpu/online)"
grep -h -E '^(isa|mmu|hart)' /proc/cpuinfo
dmesg | sed 's/^\[[^]]*\] //' | grep -E \
	'^(SBI (spec|[A-Z]+ ext)|Machine model|riscv[:-]|riscv-|10000000|smp: Brought|\[vda\]|.*vda)' |
	sort
awk '$NF ~ /ttyS0|virtio0|riscv-timer/ { print "interrupt:", $NF }' /proc/interrupts
cat /sys/block/vda/serial; echo
dd if=/dev/vda of=/tmp/old bs=64k skip=1 count=16 2>/dev/null
echo "read: $(md5sum </tmp/old)"
tr '\000-\377' '\001-\377\000' </tmp/old >/tmp/new
dd if=/tmp/new of=/dev/vda bs=64k seek=32 conv=fsync 2>/dev/null
echo "wrote: $(md5sum </tmp/new)"
n=0
while [ $n -lt 50 ]; do /bin/busybox true && n=$((n + 1)); done
echo "forks: $n"
read -r line </dev/console
echo "typed: $line"
echo second | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null
reboot
sleep 60
END
make_initrd "$tmp/extra" "$tmp/initrd"

new_disk() { # 4 MiB: "first" in its first sector, then numbers
	{ echo first; seq 1000000; } | head -c 4M >"$1"
}

linux_args=(--vcpus 2 --memory 256M --initrd /initrd --append "console=ttyS0 quiet")

# ---- the host's script: the output of each command is between two marker lines -------------------

cat >"$tmp/claims" <<'END'
run() {
	name=$1
	shift
	echo "=== $name"
	"$@" </dev/null 2>&1
	printf '\n=== status %d\n' $?
}
mkdir /c && cd /c
dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
run disk /vmm --disk disk /vmm_disk.bin
run devices /vmm /vmm_devices.bin
run hello /vmm --stats --vcpus 8 /hello.bin
run lost-handler /vmm --watchdog 2 --append how=handler /fault_loop.bin
run lost-nowhere /vmm --watchdog 2 --append how=nowhere /fault_loop.bin
run spin /vmm --watchdog 1 --append how=spin /fault_loop.bin
run panic /vmm --append how=panic /fault_loop.bin

run smp-0 /vmm --vcpus 0 /hello.bin
run smp-65 /vmm --vcpus 65 /hello.bin
run smp-x /vmm --vcpus x /hello.bin
run mem-0 /vmm --memory 0 /hello.bin
run mem-huge /vmm --memory 16T /hello.bin
run option /vmm --color /hello.bin
run former /vmm --mem 64M /hello.bin
run value /vmm --vcpus
run no-guest /vmm
run two-guests /vmm /hello.bin /hello.bin
run missing /vmm /missing
run not-image /vmm /initrd
run elf /vmm /vmm
gzip -c /claims >gz
run gzip /vmm gz
head -c 30 /hello.bin >short
run short /vmm short
head -c 20000000 /vmlinux >truncated
run truncated /vmm truncated
rm truncated
run too-large /vmm --memory 16M /vmlinux
run no-initrd /vmm --initrd /missing /hello.bin
run initrd-large /vmm --memory 33M --initrd /initrd /vmlinux
run no-disk /vmm --disk /missing /hello.bin
run empty-disk /vmm --disk /dev/null /hello.bin
run same-disk /vmm --disk disk --disk disk /hello.bin

echo "=== sigterm"
/vmm --append how=spin /fault_loop.bin </dev/null 2>&1 &
sleep 1
kill $!
wait $!
printf '\n=== status %d\n' $?

echo "=== linux"
echo "a line" | /vmm --disk /dev/vda "$@" /vmlinux
printf '\n=== status %d\n' $?
END
new_disk "$tmp/disk"
timeout --kill-after=5 "$(scaled 110)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --log "$tmp/log" --disk "$tmp/disk" \
	--timeout "$(scaled 90)" --file "$O/vmm" --file "$guest_dir/vmlinux" --file "$tmp/initrd" \
	--file "$tmp/claims" --file "$payloads/hello.bin" --file "$payloads/vmm_disk.bin" \
	--file "$payloads/vmm_devices.bin" --file "$payloads/fault_loop.bin" \
	"$guest_dir/busybox" sh /claims "${linux_args[@]}" </dev/null >"$tmp/all" 2>"$tmp/err"
is $? 0 "the host boots, runs everything and powers off" || diag "$(cat "$tmp/err"; tail -n 5 "$tmp/all")"

# part NAME: set $out to what command NAME printed, and $status to its exit status.
part() {
	out=$(sed -n "/^=== $1\$/,/^=== status/p" "$tmp/all" | sed '1d;$d' | tr -d '\r')
	status=$(sed -n "/^=== $1\$/,/^=== status/p" "$tmp/all" | sed -n 's/^=== status //p')
}

# fails NAME STATUS REGEX CLAIM: claim that command NAME ended with STATUS and printed one line,
# which matches REGEX.
fails() {
	part "$1"
	[ "$status" = "$2" ] && grep -qE -- "$3" <<<"$out" && [ "$(grep -c . <<<"$out")" = 1 ]
	ok $? "$4" || diag "status $status: $out"
}

# ---- the claims ------------------------------------------------------------------------------------

for payload in disk devices; do
	part $payload
	if [ "$payload" = devices ] && qemu_older 8.0; then
		skip "every claim of vmm_devices.bin holds" "QEMU $(qemu_version): a pending interrupt does not show in sip"
		continue
	fi
	is "$status:$(grep -c '^not ok' <<<"$out"):$(grep -c '^1\.\.' <<<"$out")" 0:0:1 \
		"every claim of vmm_$payload.bin holds" || diag "$(grep -A1 '^not ok' <<<"$out")"
done
part hello
like "$status $out" '^0 .*8 harts' "the hello payload sees 8 vCPUs"
mmio=$(grep '^vmm: counter mmio_exit_user [1-9]' <<<"$out")
is "$(grep -c '^vmm: counter exits [1-9]' <<<"$out") $(grep -c mmio_exit_user <<<"$mmio")" "1 1" "--stats prints KVM's counters" || diag "$out"
part lost-handler
is "$status" 104 "the watchdog ends a guest whose trap handler faults at once"
like "$out" '^  sstatus .*sie .*stvec' "the watchdog prints the guest's registers"
part lost-nowhere
like "$status" '^10[24]$' "the VMM ends a guest whose trap vector points nowhere"
part spin
is "$status:$out" "0:spun" "the watchdog does not end a guest that only computes"
part panic
is "$status" 103 "a run whose guest panics ends with status 103"
like "$out" '^vmm: the guest panicked: Kernel panic - not syncing: as an example' \
	"the VMM repeats the message of a guest's panic"

fails smp-0 100 '--vcpus 0: must be 1 to 64' "--vcpus 0 is refused"
fails smp-65 100 '--vcpus 65: must be 1 to 64' "--vcpus beyond the limit is refused"
fails smp-x 100 '--vcpus x' "--vcpus x is refused"
fails mem-0 100 '--memory 0' "--memory 0 is refused"
fails mem-huge 100 '--memory 16T' "more memory than KVM can map is refused"
fails option 100 'unknown option --color' "an unknown option is refused by name"
fails former 100 'unknown option --mem; its name is now --memory' "a former name of an option is not taken for an abbreviation"
fails value 100 '--vcpus needs a value' "an option without its value is refused"
fails no-guest 100 'no IMAGE' "a command line without a guest is refused"
fails two-guests 100 'only one IMAGE' "a command line with two guests is refused"
fails missing 101 '/missing: No such file' "a guest file that does not exist is refused"
fails not-image 101 'not a RISC-V Image' "a guest file without the magic number of an Image is refused"
fails elf 101 'ELF' "an ELF file is refused as an ELF file"
fails gzip 101 'compressed' "a compressed file is refused as compressed"
fails short 101 '30 bytes' "a guest file that is shorter than a header is refused"
fails truncated 101 'truncated.*20000000' "a truncated kernel is refused with its size"
fails too-large 101 'does not fit.*16 MiB' "a guest larger than its memory is refused"
fails no-initrd 101 'initrd /missing' "an initrd that does not exist is refused"
fails initrd-large 101 'initrd /initrd does not fit' "an initrd that does not fit is refused"
fails no-disk 101 'disk /missing' "a disk that does not exist is refused"
fails empty-disk 101 'disk /dev/null' "a disk smaller than one sector is refused"
fails same-disk 101 'disk .*in use' "a disk that is given twice is refused"
part sigterm
is "$status" 143 "SIGTERM ends the VMM with status 128 + 15"

# ---- Debian's kernel -------------------------------------------------------------------------------

# Print the guest's output from "life: first" to "life: second", without the lines that differ from
# run to run.
guest_view() {
	tr -d '\r' | sed -n '/^life: first/,/^life: second/p' | grep -vE 'reboot: |^guest: |^vmm: |^a line$'
}

part linux
linux_view=$(guest_view <<<"$out")
is "$status" 42 "Debian's kernel boots twice, and the second boot's status is returned" ||
	diag "$(tail -n 30 <<<"$out")"
like "$linux_view" '^cpus: 2, online 0-1' "the guest has both vCPUs"
like "$linux_view" '^interrupt: virtio0' "the guest's disk raises interrupts"
like "$linux_view" '^forks: 50' "the guest starts processes"
like "$linux_view" '^life: second' "the guest boots again"
like "$linux_view" '^typed: a line' "the guest reads what is typed"
want=$(dd if="$tmp/disk" bs=64k skip=1 count=16 2>/dev/null | md5sum)
like "$linux_view" "^read: $want" "the guest reads the disk's contents"
want=$(dd if="$tmp/disk" bs=64k skip=32 count=16 2>/dev/null | md5sum)
like "$linux_view" "^wrote: $want" "data that the guest wrote and synced is in the disk's file"

# ---- the same guest under hyperscope ----------------------------------------------------------

same="hyperscope's guest sees the same machine as Linux KVM's"
new_disk "$tmp/disk2"
echo "a line" >"$tmp/in"
HS_SECONDS=90 hs exec --quiet --harts 2 --memory 1G --disk "$tmp/disk2" --file "$guest_dir/vmlinux:/vmlinux" \
	--file "$tmp/initrd:/initrd" "$O/vmm" --disk /dev/vda "${linux_args[@]}" /vmlinux
hyper_view=$(guest_view <<<"$out")
is "$status" 42 "the same binary and guest return the same status under hyperscope" ||
	diag "$(tail -n 20 <<<"$out"; echo "$err")"
# hyperscope's KVM is that of Linux 7.3, which has an SBI and an extension that 6.12 lacks.
hyper_view=$(sed -E 's/_svvptc//g; s/SBI specification v3.0/SBI specification v2.0/' <<<"$hyper_view")
# The device tree of QEMU before 8.0 does not name Zicntr and Zihpm. Linux assumes them anyway, so
# they are not compared.
if qemu_older 8.0; then
	hyper_view=$(sed -E 's/_(zicntr|zihpm)//g' <<<"$hyper_view")
	linux_view=$(sed -E 's/_(zicntr|zihpm)//g' <<<"$linux_view")
fi
is "$hyper_view" "$linux_view" "$same" || diag "$(diff <(echo "$linux_view") <(echo "$hyper_view"))"
cmp -s "$tmp/disk" "$tmp/disk2"
ok $? "hyperscope's guest leaves the same disk contents as Linux KVM's"
hs exec --quiet --harts 2 --file "$payloads/hello.bin" "$O/vmm" --stats --vcpus 8 /hello.bin
is "$(grep '^vmm: counter mmio_exit_user' <<<"$err")" "$mmio" "--stats prints the same number of MMIO exits under hyperscope" || diag "$err"
is "$(left_running)" "" "nothing is left running"
done_testing
