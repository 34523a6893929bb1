#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A guest must not notice that its VM is saved to a file and restored, nor that its PLIC is in the VMM
# before and in the kernel afterwards, or the other way round. The first half of this test
# covers the VMM, the second half the launcher. tests/vmm/test_save.c covers damaged files;
# save.slow.t covers Debian and Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "machines without --irqchip must have the VMM's PLIC" irqchip

needs_built "$O/vmm" "$O/hyperscope.bin" "$O/guest-payloads"/{save,save_dirty,hello,fault_loop}.bin
needs_fetched "$O/guest/busybox"

cat >"$tmp/script" <<'END'
pause=$1 # seconds; from its request to be saved until it continues, the guest's clock may advance by less
run() {
	echo "=== $1"
	shift
	"$@" </dev/null 2>&1
	printf '\n=== status %d\n' $?
}
mkdir /c && cd /c
dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
new="--testdev --vcpus 3 --memory 32M --disk disk --append pause=$pause"
run never /vmm $new /save.bin
run save /vmm $new --save stopped --save-rounds 0 /save.bin
sleep $pause.5
run restore /vmm --irqchip kernel_plic --disk disk --restore stopped
run save-aia /vmm --irqchip aia_hwaccel $new --save stopped-aia --save-rounds 0 /save.bin
run restore-aia /vmm --irqchip aia_emul --disk disk --restore stopped-aia
run wrong-irqchip /vmm --disk disk --restore stopped-aia
run save-direct /vmm --irqchip aia_direct $new --save stopped-direct --save-rounds 0 /save.bin
run restore-direct /vmm --irqchip aia_direct --disk disk --restore stopped-direct
run wrong-delivery /vmm --irqchip aia_emul --disk disk --restore stopped-direct

echo "=== signal"
/vmm --memory 8M --save signaled --save-rounds 0 --append how=spin /fault_loop.bin </dev/null 2>&1 &
sleep 0.5
kill -USR2 $!
wait $!
printf '\n=== status %d\n' $?
run restore-signal /vmm --restore signaled
echo "=== without-save"
/vmm --memory 8M --append how=spin /fault_loop.bin </dev/null 2>&1 &
sleep 0.5
kill -USR2 $!
sleep 0.2
kill -QUIT $!
wait $!
printf '\n=== status %d\n' $?
run small /vmm --memory 8M --save /dev/vda --save-at 200 --append how=spin /fault_loop.bin
dd if=/dev/zero bs=1M count=90 2>/dev/null | tr '\000' x >initrd
run many-pages /vmm --memory 128M --initrd initrd --save many --save-at 100 \
	--append how=wait /fault_loop.bin
rm initrd many
run too-late /vmm --memory 8M --save late --save-at 100000 /hello.bin
ls late* *.part 2>/dev/null

echo "=== two"
/vmm --memory 8M --save twice --append how=spin /fault_loop.bin </dev/null >/first 2>&1 &
sleep 0.5
run second /vmm --memory 16M --save twice /hello.bin
kill -USR2 $!
wait $!
run restore-first /vmm --restore twice
run saved-again /vmm --save twice --save-at 100 --restore twice

run nowhere /vmm --save /nowhere/file /hello.bin
mkdir dir && run over-dir /vmm --save dir /hello.bin
ln -s /save.bin link.part && run over-link /vmm --save link /hello.bin
run over-null /vmm --save /dev/null /hello.bin
for used in disk image initrd; do
	cp /hello.bin $used-of-vm
done
run over-disk /vmm --disk disk-of-vm --save disk-of-vm /hello.bin
run over-image /vmm --save image-of-vm image-of-vm
head -c 8192 /dev/zero >other-of-vm && cp twice restore-of-vm
for used in disk image initrd restore other; do
	cp $used-of-vm $used-of-vm.part
done
run part-disk /vmm --save disk-of-vm --disk disk-of-vm.part /hello.bin
run part-image /vmm --save image-of-vm image-of-vm.part
run part-initrd /vmm --save initrd-of-vm --initrd initrd-of-vm.part /hello.bin
run part-restore /vmm --save restore-of-vm --restore restore-of-vm.part
run part-other /vmm --save other-of-vm /hello.bin
run part-dtb /vmm --save dtb --dump-dtb ./dtb.part /hello.bin
run over-dtb /vmm --save dtb --dump-dtb dtb /hello.bin
for used in disk image initrd restore other; do
	run part-of-$used cmp $used-of-vm $used-of-vm.part
done
run dump-over /vmm --initrd initrd-of-vm --dump-dtb initrd-of-vm /hello.bin
run used cmp disk-of-vm initrd-of-vm
run no-name /vmm --save "" --save-at 5 /hello.bin
run no-image /vmm --restore twice --initrd /hello.bin
run no-save /vmm --save-at 5 /hello.bin
run no-save-rounds /vmm --save-rounds 5 /hello.bin
for text in "" "login:
" $(printf %256s | tr ' ' x); do
	run never-on /vmm --save late --save-on "$text" /hello.bin
done
run full-output sh -c '/vmm --quiet /hello.bin >/dev/full'
run restore-6.12 /vmm --linux-6.12 --disk disk --restore stopped
run 6.12-and-sbi /vmm --linux-6.12 --sbi fwft /hello.bin
run missing /vmm --restore missing
run not-one /vmm --restore /save.bin
head -c 600000 stopped >cut
run cut /vmm --disk disk --restore cut
cp stopped damaged
printf x | dd of=damaged bs=1 seek=500000 conv=notrunc 2>/dev/null
run damaged /vmm --disk disk --restore damaged
run no-disk /vmm --restore stopped
run other-smp /vmm --vcpus 2 --disk disk --restore stopped
run other-mem /vmm --memory 64M --disk disk --restore stopped
head -c 512k disk >other
run other-disk /vmm --disk other --restore stopped
END
head -c 16k /dev/zero >"$tmp/small"
HS_SECONDS=90 hs exec --quiet --machine aia --harts 2 --memory 512M --disk "$tmp/small" --file "$O/vmm" \
	--file "$O/guest-payloads/save.bin" --file "$O/guest-payloads/save_dirty.bin" \
	--file "$O/guest-payloads/hello.bin" --file "$O/guest-payloads/fault_loop.bin" \
	--file "$tmp/script:/script" "$O/guest/busybox" sh /script "$(scaled 2)"
is "$status" 0 "the host runs the whole script" || diag "$err"
all=$out
# With --icount, time is counted in instructions, so that each vCPU gets its share of time during
# the first round of a save. The guest that writes memory ends once its console has input, which
# only the restored guest gets.
{
	sed '/^mkdir/q' "$tmp/script"
	cat <<-'END'
	dd if=/dev/zero of=disk bs=64k count=16 2>/dev/null
	run save-live /vmm --irqchip kernel_plic --testdev --vcpus 3 --memory 32M --disk disk --save live /save.bin
	sleep 2.5
	run restore-live /vmm --disk disk --restore live
	rm live
	run dirty /vmm --vcpus 2 --memory 32M --save busy --save-on writing --append until=input /save_dirty.bin
	run restore-dirty sh -c 'echo | /vmm --restore busy'
	END
} >"$tmp/counted"
HS_SECONDS=90 hs exec --quiet --icount --harts 2 --memory 512M --file "$O/vmm" \
	--file "$O/guest-payloads/save.bin" --file "$O/guest-payloads/save_dirty.bin" \
	--file "$tmp/counted:/script" "$O/guest/busybox" sh /script
is "$status" 0 "the host runs the guests that are saved while they run" || diag "$err"
all=$all$'\n'$out

part()	# NAME: set $out to what command NAME printed, and $status to its exit status
{
	out=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed '1d;$d' | tr -d '\r')
	status=$(sed -n "/^=== $1\$/,/^=== status/p" <<<"$all" | sed -n 's/^=== status //p')
}

claims()
{
	grep -E '^(not )?ok|^1\.\.' <<<"$1"
}

part never
whole=$(claims "$out")
is "$status:$(grep -c '^not ok' <<<"$whole"):$(grep -c '^1\.\.' <<<"$whole")" 0:0:1 \
	"the payload's claims hold without a save" || diag "$out"

for how in "" -live; do
	part "save$how"
	first=$(claims "$out")
	is "$status:$(grep -c '^vmm: saved to [a-z]*: [0-9]* pages' <<<"$out")" 0:1 \
		"save$how: the VMM ends with status 0 and reports what it saved" || diag "$out"
	part "restore$how"
	is "$status" 0 "restore$how: every claim holds" || diag "$out"
	is "$first
$(claims "$out")" "$whole" "save$how, restore$how: together they print what a guest prints that is never saved"
done

part restore-aia
is "$status:$(claims "$out" | grep -c '^ok')" "0:$(($(claims "$whole" | grep -c "^ok") - 6))" \
	"a machine with hardware's IMSICs is restored with emulated ones, and every claim holds" || diag "$out"

part restore-direct
is "$status:$(claims "$out" | grep -c '^ok')" "0:$(($(claims "$whole" | grep -c "^ok") - 6))" \
	"a machine whose APLIC delivers directly is restored, and every claim holds" || diag "$out"

# Only a processor with Sscofpmf has counters for guests.
if "${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max; then
	{
		sed '/^mkdir/q' "$tmp/script"
		cat <<-'END'
		run save-pmu /vmm --testdev --memory 32M --append pause=$pause --save counting --save-rounds 0 /save.bin
		run restore-pmu /vmm --restore counting
		END
	} >"$tmp/max"
	HS_SECONDS=90 hs exec --quiet --cpu max --harts 2 --memory 512M --file "$O/vmm" \
		--file "$O/guest-payloads/save.bin" --file "$tmp/max:/script" "$O/guest/busybox" sh /script "$(scaled 2)"
	all=$all$'\n'$out
	part restore-pmu
	is "$status:$(grep -c '^ok.* count' <<<"$out")" 0:3 "a guest that is saved while it counts keeps its counts" ||
		diag "$all"
else
	skip "performance counters" "this QEMU has no cpu max"
fi

part dirty
is "$status:$(grep -c '^vmm: saved' <<<"$out"):$(grep -c '^ok' <<<"$out")" 0:1:0 \
	"--save-on saves a guest while it writes memory" || diag "$out"
rounds=$(sed -n 's/^vmm: save: round [0-9]*: \([0-9]*\) pages.*/\1/p' <<<"$out" | xargs)
like "$rounds" '^[0-9]+ [0-9]+' \
	"the guest that writes is saved in more than one round, of $rounds pages"
read -r first second _ <<<"$rounds"
[ "$second" -ge 500 ] && [ "$second" -le "$first" ]
ok $? "the second round saves nearly all of the 512 pages that the guest writes" || diag "$rounds"
like "$out" 'saved to busy: [0-9]+ pages, [0-9]+ of them in the pause of [0-9.]+ ms, after [2-8] rounds' \
	"the VMM reports pages, pause and rounds"
part restore-dirty
is "$status:$(grep -c '^ok' <<<"$out"):$(grep -c '^not ok' <<<"$out")" 0:2:0 \
	"the guest that writes has lost no store" ||
	diag "$out"

part signal
is "$status:$(grep -c '^vmm: saved .* after 0 rounds' <<<"$out"):$(grep -cE '^(vmm: save:|spun)' <<<"$out")" 0:1:0 \
	"SIGUSR2 saves the guest, without a round if --save-rounds is 0" || diag "$out"
part without-save
is "$status:$(grep -c '^spun' <<<"$out")" 131:0 "without --save, SIGUSR2 is ignored; SIGQUIT ends the run" || diag "$out"
part restore-signal
is "$status:$(grep '^spun' <<<"$out")" 0:spun \
	"the guest saved by SIGUSR2 continues where it was" || diag "$out"
part small
like "$(grep ^vmm <<<"$out")" '^vmm: --save /dev/vda: write: .*; the guest continues$' "a disk that is too small is reported"
is "$status:$(grep '^spun' <<<"$out")" 0:spun \
	"the guest continues after its save has failed" || diag "$out"
part many-pages
is "$status:$(grep -c '^vmm: saved to many: 2[0-9]* pages' <<<"$out")" 0:1 \
	"90 MiB are saved in the sandbox" || diag "$out"
part too-late
like "$(grep ^vmm <<<"$out")" '^vmm: --save late: the guest ended first; nothing was saved$' \
	"the VMM reports that a guest ended before it was saved"
is "$(grep -c '^late\|part$' <<<"$all")" 0 "a save that has not happened leaves no file"

# refused NAME STATUS REGEX CLAIM: claim that command NAME ended with STATUS and printed one line,
# which matches REGEX.
refused()
{
	part "$1"
	[ "$status" = "$2" ] && grep -qE -- "$3" <<<"$out" && [ "$(grep -c . <<<"$out")" = 1 ]
	ok $? "$4" || diag "status $status: $out"
}
refused second 101 '--save twice: .* another VMM' "a second VMM is refused that would save to the same file"
part restore-first
is "$status:$(grep '^spun' <<<"$out")" 0:spun "the first VMM has saved its guest"
part saved-again
is "$status:$(grep -c '^vmm: saved to twice' <<<"$out")" 0:1 \
	"a restored guest is saved to the file that it was restored from" || diag "$out"
refused nowhere 101 '--save /nowhere/file: No such file' \
	"a file that cannot be created is refused before the guest starts"
refused over-dir 101 '--save dir: Is a directory' "--save over a directory is refused"
refused over-link 101 '--save link: Too many levels' "a symbolic link FILE.part is not followed"
refused over-null 101 '--save /dev/null: Invalid' "--save over a device that is no disk is refused"
refused over-disk 100 '--save disk-of-vm: disk-of-vm is .* disk; name another file' "--save over the machine's disk is refused"
refused over-image 100 '--save image-of-vm: .* IMAGE, ' "--save over the machine's IMAGE is refused"
refused dump-over 100 '--dump-dtb initrd-of-vm: .* initrd ' "--dump-dtb over the machine's initrd is refused"
part used
is "$status:$out" 0: "a file that is refused is not changed"
refused part-disk 100 '--save disk-of-vm: disk-of-vm.part is .* disk; name another' \
	"--save FILE is refused if FILE.part is the machine's disk"
refused part-image 100 'image-of-vm.part is .* IMAGE, ' "--save FILE is refused if FILE.part is the IMAGE"
refused part-initrd 100 'initrd-of-vm.part is .* initrd ' "--save FILE is refused if FILE.part is the initrd"
refused part-restore 100 'restore-of-vm.part is the file of --restore' \
	"--save FILE is refused if FILE.part is restored from"
refused part-dtb 100 'dtb.part is the file of --dump-dtb' "--save FILE is refused if FILE.part gets the device tree"
refused over-dtb 100 'dtb is the file of --dump-dtb' "--save and --dump-dtb with the same name are refused"
refused part-other 101 'other-of-vm.part exists and is not from an earlier save' \
	"--save FILE is refused if FILE.part is not from a save"
for used in disk image initrd restore other; do
	part part-of-$used
	is "$status:$out" 0: "a refused FILE.part is not changed: $used"
done
refused no-name 100 '--save: the name of FILE is empty' "--save with an empty name is refused"
refused no-image 100 'needs an IMAGE' "--restore with an initrd but without IMAGE is refused"
refused no-save 100 'need --save FILE' "--save-at without --save is refused"
refused no-save-rounds 100 'need --save FILE' "--save-rounds without --save is refused"
part never-on
is "$status:$(grep -c 'must be a part of one line, 1 to 255 bytes' <<<"$out")" "100
100
100:3" "--save-on is refused if no line of the guest can contain the text" || diag "$out"
part full-output
is "$status:$out" "0:vmm: standard output: No space left on device; some of the guest's output is lost" \
	"the loss of a guest's output is reported"
refused restore-6.12 100 'saved without this option' "--linux-6.12 refuses a VM with newer extensions"
refused 6.12-and-sbi 100 'cannot be used with' "--sbi with --linux-6.12 is refused"
refused missing 101 '--restore missing: No such file' "--restore of a missing file is refused"
refused not-one 101 'not a saved machine' "--restore of a file that is not a saved machine is refused"
refused cut 101 'truncated: it has 600000 of [0-9]+ bytes' "--restore of a truncated file is refused"
refused damaged 101 'the page at 0x80[0-9a-f]+ is damaged' \
	"--restore of a damaged page is refused with its address"
refused no-disk 101 'it has 1 disks, not 0' "--restore without the disk is refused"
refused other-smp 101 'it has 3 vCPUs, not 2' "--restore with another number of vCPUs is refused"
refused other-mem 101 'it has 32768 KiB of memory, not 65536' \
	"--restore with another size of memory is refused"
refused wrong-irqchip 101 "section plic 0" "a machine with an AIA is not restored with a PLIC"
refused wrong-delivery 101 "section aia 0" "a machine whose APLIC delivers directly is not restored with IMSICs"
refused other-disk 101 'section disk 0: the disk had a different size' \
	"--restore with a disk of another size is refused"

# ---- the launcher's part --------------------------------------------------------------------------

hs run --memory 8M --save "$tmp/file" --save-at 300 --append how=spin "$O/guest-payloads/fault_loop.bin"
is "$status:$(cd "$tmp" && echo file*)" 0:file "run --save leaves one file" || diag "$out$err"
like "$err" "hyperscope: saved to .*file: [0-9.]+ MiB" "run --save reports the file"
[ "$(stat -c %s "$tmp/file")" -lt 1000000 ]
ok $? "run --save writes only memory that is in use"
hs run --quiet --restore "$tmp/file"
is "$status:$out" 0:spun "run --restore continues the saved guest" || diag "$err"
hs run --restore "$tmp/small"
is "$status" 125 "run --restore of a file that is not a saved machine is refused"
like "$err" 'small: not a saved machine' "run --restore says that the file is not a saved machine"
hs run --save-on x hello
is "$status" 125 "run --save-on without --save is refused"

# Files that the run reads, and the user's other files, are not overwritten.
cp "$O/guest-payloads/hello.bin" "$tmp/image"
cp "$tmp/small" "$tmp/disk" && echo mine >"$tmp/new.part" && ln -s "$tmp/disk" "$tmp/linked.part"
kept()	# FILE CLAIM: claim that --save FILE is refused, and that no file changes
{
	hs run --quiet --trace none --disk "$tmp/disk" --save "$1" "$tmp/image"
	[ "$status:$(grep -c . <<<"$err")" = 125:1 ] && cmp -s "$tmp/disk" "$tmp/small" &&
		cmp -s "$tmp/image" "$O/guest-payloads/hello.bin" && [ "$(<"$tmp/new.part")" = mine ]
	ok $? "$2" || diag "status $status: $err"
}
kept "$tmp/disk" "--save over a disk of the run is refused"
kept "$tmp/image" "--save over the guest of the run is refused"
kept "$tmp/new" "--save is refused if FILE.part exists and is not from a save"
kept "$tmp/linked" "--save is refused if FILE.part is a link"
kept "" "--save with an empty name is refused"
mkdir "$tmp/full"
if ! unshare --map-root-user --mount mount -t tmpfs none "$tmp/full" 2>/dev/null; then
	ok 0 "a full disk is reported # SKIP tmpfs cannot be mounted here"
else
	unshare --map-root-user --mount sh -c 'mount -t tmpfs -o size=40k none "$0" && exec "$@"' "$tmp/full" \
		timeout "$(scaled 60)" "$HS_TOP/scripts/hyperscope" run --out "$O" --trace none --memory 8M --save "$tmp/full/x" \
		--save-at 300 --append how=spin "$O/guest-payloads/fault_loop.bin" </dev/null >"$tmp/said" 2>&1
	is "$?:$(grep -c 'write: Input/output error; the guest continues' "$tmp/said"):$(grep -c '^spun' "$tmp/said")" 0:1:1 \
		"a full disk is reported, and the guest continues" || diag "$(<"$tmp/said")"
fi
is "$(left_running)" "" "nothing is left running"
done_testing
