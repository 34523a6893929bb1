#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gdb-commands.t - the hs commands of gdb during a payload's boot, used correctly and incorrectly.
#
# The commands share one boot, except that hs irqchip needs one for each controller but the APLIC with
# direct delivery, which the shared boot has and its guest does not use. A marker line
# precedes each command's output. The claims compare meanings, not addresses, which differ between
# builds.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
export TMPDIR=$tmp # a killed hyperscope gdb leaves a file there
command -v gdb-multiarch >/dev/null || skip_all "gdb-multiarch is not installed (scripts/hyperscope setup test)"
qemu_older 10.0 && skip_all "QEMU $(qemu_version) does not tell gdb whether a hart is in HS or in VS (8.2 does not, 10.0 does)"

hs_gdb()	# COMMAND...: run the commands in gdb on a machine ("${machine[@]}"); sets $said and $status
{
	# gdb writes to a file: a line that the guest has begun on the console would otherwise continue with gdb's next one.
	local commands=(-ex 'set pagination off' -ex "set logging file $tmp/gdb" -ex 'set logging redirect on' \
		-ex 'set logging enabled on') c machine_said
	rm -f "$tmp/gdb"
	for c in "$@"; do commands+=(-ex "echo \\n== $c\\n" -ex "$c"); done
	machine_said=$(timeout "$(scaled 80)" "$HS_TOP/scripts/hyperscope" gdb --quiet --icount --harts 1 --timeout "$(scaled 70)" \
		"${machine[@]}" -- -nx -batch "${commands[@]}" -ex 'echo \n== end\n' 2>&1 </dev/null)
	status=$?
	said=$(cat "$tmp/gdb")$'\n'$machine_said
}

after()	# COMMAND [N]: print the output of COMMAND's Nth call
{
	awk -v want="== $1" -v n="${2:-1}" '/^== /{on = ($0 == want && ++seen == n); next} on' <<<"$said"
}

machine=(--vcpus 1 --set fastpath=off --machine aia --irqchip aia_direct hello)
hs_gdb 'hs vms' 'hs irqchip' 'hs vcpu' 'hs exits' 'hs diff-switch' 'hs where' 'hs until-exit nonsense' 'hs nonsense' 'hs csr' 'hs csr mstatuss' \
	'hs csr henvcfg 0x8000000000000080' 'hs break-guest' 'hs break-guest no_such_symbol' \
	'hs until-exit 20' 'hs where' 'hs vms' 'hs vcpu' 'hs vcpu 7' 'hs vcpu x' 'hs memslots' 'hs memslots 9' 'hs irqchip' 'hs irqchip 9' 'hs device-store' 'hs device-store 0x80000002 1' \
	'hs device-store 0x80000000 0x100000000' 'hs device-store no_such 1' 'hs gstage $htval << 2' \
	'hs until-entry' 'hs where' 'hs vcpu' 'hs csr sepc' 'hs csr vsatp' 'hs vstage $pc' 'hs gstage $pc' 'hs gstage 0x10000000' \
	'hs gstage 0xffffffffffffff00' 'hs gstage' 'hs gstage no_such' 'hs diff-switch' 'hs exits' 'hs exits 0' \
	'hs until-exit' 'hs diff-switch' 'hs until-exit ecall_vs' 'hs vcpu 0' 'hs csr scause' 'stepi 2' 'hs where' 'hs diff-switch' \
	'hs until' 'hs until no_such_place' 'hs until vmm:no_such_place' 'hs until step 6' 'hs where' 'hs tour' 'hs tour /no/such.tour' \
	'hs break-guest payload_main' 'help hs vstage' 'help hs' 'hs until-exit 9999'

no_vm='there is no VM yet'
like "$(after 'hs vms')" "$no_vm" "hs vms says that there is no VM yet"
like "$(after 'hs vcpu')" "$no_vm" "hs vcpu says that there is no VM yet"
like "$(after 'hs irqchip')" "$no_vm" "hs irqchip says that there is no VM yet"
like "$(after 'hs exits')" "has not set up its trace" "hs exits says that the trace is not set up yet"
like "$(after 'hs diff-switch')" "two stops" "hs diff-switch says that it needs two stops"
like "$(after 'hs where')" "hart 0, M .the firmware" "hs where: the machine starts in M mode"
like "$(after 'hs until-exit nonsense')" "'nonsense' is not a trap cause" "hs until-exit names an unknown cause"
like "$(after 'hs nonsense')" "no command 'hs nonsense'" "hs names an unknown command"
like "$(after 'hs csr')" "name a CSR" "hs csr needs a name"
like "$(after 'hs csr mstatuss')" "no CSR 'mstatuss'" "hs csr names an unknown CSR"
like "$(after 'hs csr henvcfg 0x8000000000000080')" "63 +STCE=1 " "hs csr shows the fields of a value"
like "$(after 'hs csr henvcfg 0x8000000000000080')" "H §2.5" "hs csr shows the section that describes a field"
like "$(after 'hs break-guest')" "name a function" "hs break-guest needs a place"
like "$(after 'hs break-guest no_such_symbol')" "no symbol 'no_such_symbol'" "hs break-guest names a symbol that the guest lacks"

like "$(after 'hs until-exit 20')" "the guest has just trapped .inst_guest_page_fault" "hs until-exit stops at the fault of the guest's first fetch"
like "$(after 'hs vms')$(after 'hs vms' 2)" "vCPU [0-9]+.0: loaded in hart 0, pc 0x80200000, [0-9]+ exits" "hs vms shows where the vCPU is"
like "$(after 'hs vcpu' 2)" "as the trap left them" "hs vcpu: at a trap, the vCPU's registers are in the hart"
like "$(after 'hs vcpu' 2)" "hgatp .*MODE=Sv(39|48|57)x4 VMID=" "hs vcpu shows the fields of CSRs"
like "$(after 'hs vcpu 7')" "no vCPU 7" "hs vcpu names a vCPU that does not exist"
like "$(after 'hs vcpu x')" "'x' is not a vCPU" "hs vcpu names a word that is not a number"
like "$(after 'hs memslots')" "GPA 0x80000000 to 0x9fffffff" "hs memslots shows the guest's memory"
like "$(after 'hs memslots 9')" "no VM 9" "hs memslots names a VM that does not exist"
like "$(after 'hs irqchip' 2)" "^VM [0-9]+: AIA in the kernel \(aia_direct\), APLIC at GPA 0x[0-9a-f]+, [0-9]+ sources, IE=0, DM=0$" "hs irqchip names an APLIC with direct delivery"
like "$(after 'hs irqchip' 2)" "^  vCPU [0-9]+.0: IDC: delivery 0, threshold 0, no top source, external interrupt low$" "hs irqchip shows the IDC of the vCPU"
unlike "$(after 'hs irqchip' 2)" "MSI|IMSIC" "hs irqchip shows no MSIs with direct delivery"
like "$(after 'hs irqchip 9')" "no VM 9" "hs irqchip names a VM that does not exist"
like "$(after 'hs device-store')" "give an address and a value" "hs device-store needs two numbers"
like "$(after 'hs device-store 0x80000002 1')" "0x80000002 is not a physical address that is a multiple of 4" "hs device-store refuses a misaligned address"
like "$(after 'hs device-store 0x80000000 0x100000000')" "0x100000000 has more than 32 bits" "hs device-store refuses a value of 33 bits"
like "$(after 'hs device-store no_such 1')" "'no_such' is not a physical address" "hs device-store names an expression that has no value"
like "$(after 'hs gstage $htval << 2')" "no page: V is 0" "hs gstage: the page that faulted is not mapped"
like "$(after 'hs gstage $htval << 2')" "memslot 0 has GPA 0x80200000" "hs gstage: the page that faulted belongs to a memslot"

like "$(after 'hs where' 3)" "hart 0, VS .*pc 0x80200000" "hs until-entry stops at the guest's first instruction"
like "$(after 'hs where' 3)" "_start" "hs where names the guest's symbol"
like "$(after 'hs vcpu' 3)" "in hart 0, which runs it" "hs vcpu: in VS, the vCPU's registers are in the hart"
like "$(after 'hs csr sepc')" "sepc is the guest.s .vsepc" "hs csr: in VS, the host's sepc cannot be read"
like "$(after 'hs csr vsatp')" "MODE=Bare" "hs csr: in VS, the guest's vsatp can be read"
like "$(after 'hs vstage $pc')" "VS-stage of 0x80200000, Bare" "hs vstage shows the first stage"
like "$(after 'hs vstage $pc')" "leaf .*UXWRV" "hs vstage shows the second stage"
like "$(after 'hs gstage $pc')" "level 0 .* 4 KiB leaf|level 1 .* 2 MiB leaf" "hs gstage: the page is mapped after the fault"
like "$(after 'hs gstage 0x10000000')" "no memslot has GPA 0x10000000: .*MMIO" "hs gstage: a device has no memslot"
like "$(after 'hs gstage 0xffffffffffffff00')" "has more than" "hs gstage names an address that has too many bits"
like "$(after 'hs gstage')" "give the guest physical address as a number" "hs gstage needs an address"
like "$(after 'hs gstage no_such')" "'no_such' is not a guest physical address" "hs gstage names an expression that has no value"
like "$(after 'hs diff-switch' 2)" "world +HS -> VS" "hs diff-switch: from the exit to the entry, the world changed"
like "$(after 'hs diff-switch' 2)" "at one stop only: .*sepc" "hs diff-switch lists registers that were readable at one stop only"
like "$(after 'hs exits')$(after 'hs exits' 2)" "0x80200000 +inst_guest_page_fault +0x80200000 0x20080000 0x0" "hs exits shows the exit from the ring"
like "$(after 'hs exits 0')" "'0' is not a number" "hs exits refuses 0"

like "$(after 'hs until-exit')" "world switch: the guest has just trapped" "hs until-exit without a cause stops at any exit"
like "$(after 'hs vcpu 0')" "pc +0000000080" "hs vcpu takes a vCPU's number"
like "$(after 'hs csr scause')" "that is ecall_vs" "hs until-exit ecall_vs stops at an SBI call"
like "$(after 'hs diff-switch' 3)" "world +VS -> HS" "hs diff-switch: from the entry to the next exit, the world changed back"
like "$(after 'hs where' 4)" "world switch: Step 4: guest registers" "hs where: two instructions later, the hart is in step 4 of the switch"
like "$(after 'hs diff-switch' 4)" "a0 +0x" "hs diff-switch shows the swapped a0"
like "$(after 'hs diff-switch' 4)" "sscratch +0x" "hs diff-switch shows the swapped sscratch"
like "$(after 'hs until')" "name a function" "hs until needs a place"
like "$(after 'hs until no_such_place')" "no symbol 'no_such_place'" "hs until names an unknown symbol"
like "$(after 'hs until vmm:no_such_place')" "the VMM has no symbol 'no_such_place'" "hs until names a symbol that the VMM lacks"
like "$(after 'hs where' 5)" "world switch: Step 6: host registers" "hs until stops at a step of the world switch"
like "$(after 'hs tour')" "usage: hs tour" "hs tour needs a file"
like "$(after 'hs tour /no/such.tour')" "No such file" "hs tour reports a file that does not exist"
like "$(after 'hs break-guest payload_main')" "breakpoint [0-9]+ in the guest, at 0x802" "hs break-guest takes a symbol"
like "$(after 'help hs vstage')" "usage: hs vstage GVA" "help hs vstage shows the usage"
for name in break-guest csr device-store diff-switch exits gstage irqchip memslots tour until until-entry until-exit vcpu vms vstage where; do
	like "$(after 'help hs')" "^hs $name -- " "help hs lists hs $name"
done
like "$(after 'hs until-exit 9999')" "the machine ended first|stopped before that" "hs until-exit ends with the machine if the stop is never reached"
unlike "$said" "Traceback|Python Exception" "no command raised an exception"
unlike "$said" "^  [> ] L[012] " "hs where shows no levels of a vCPU that does not have the H extension"

# ---- the interrupt controller, in each of its variants, with a device whose line is high ----

controller()	# TOGGLE-VALUE PAYLOAD MACHINE-OPTION...
{
	local chip=$1 payload=$O/guest-payloads/$2
	needs_built "$payload.bin"
	shift 2
	machine=(--vcpus 2 --set irqchip="$chip" "$@" --vmlinux "$payload.elf" "$payload.bin")
	hs_gdb 'hs until raise_line' 'hs irqchip' 'hs until handle_irq' 'hs irqchip'
	unlike "$said" "Traceback|Python Exception" "$chip: no command raised an exception"
}

for chip in user_plic kernel_plic; do
	controller $chip device
	like "$(after 'hs irqchip')" "^VM [0-9]+: PLIC in the .* \($chip\).* 31 sources$" "$chip: hs irqchip names the controller"
	like "$(after 'hs irqchip')" "^  source 1: priority 1, enabled for vCPU [0-9]+.0$" "$chip: hs irqchip shows a source that is enabled"
	like "$(after 'hs irqchip' 2)" "^  source 1: priority 1, line high, pending, enabled" "$chip: hs irqchip shows a pending source"
	like "$(after 'hs irqchip' 2)" "^  vCPU [0-9]+.0: threshold 0, external interrupt raised$" "$chip: hs irqchip shows the vCPU that is interrupted"
	like "$(after 'hs irqchip' 2)" "^  vCPU [0-9]+.1: threshold 0, external interrupt low$" "$chip: hs irqchip shows the other vCPU"
done
for chip in aia_hwaccel aia_emul; do
	controller $chip msi --machine aia
	like "$(after 'hs irqchip')" "^VM [0-9]+: AIA in the kernel \($chip\), APLIC at GPA 0x[0-9a-f]+, 31 sources, IE=1$" "$chip: hs irqchip names the controller"
	like "$(after 'hs irqchip')" "^  source 1: level1, enabled, MSI 42 to vCPU [0-9]+.0$" "$chip: hs irqchip shows where a source's MSI goes"
	like "$(after 'hs irqchip' 2)" "^  source 1: level1, input high, enabled" "$chip: hs irqchip shows a source whose line is high"
	like "$(after 'hs irqchip')" "^  vCPU [0-9]+.1: IMSIC at GPA 0x28001000, in memory, external interrupt low$" "$chip: hs irqchip shows an IMSIC that is in memory"
	if [ $chip = aia_hwaccel ]; then
		like "$(after 'hs irqchip')" "^  vCPU [0-9]+.0: .* 0x28000000, in guest file 1 of hart 0, page mapped, no interrupt" "aia_hwaccel: hs irqchip shows an IMSIC that is in a guest file"
		like "$(after 'hs irqchip' 2)" "guest file 1 of hart 0, page mapped, an interrupt is to be delivered$" "aia_hwaccel: hs irqchip shows that the guest file has an interrupt"
		like "$(after 'hs irqchip')" "^hart 0: [1-9][0-9]* guest files, file 1: vCPU [0-9]+.0$" "aia_hwaccel: hs irqchip shows which vCPU has the hart's guest file"
	else
		like "$(after 'hs irqchip')" "^    delivery 1, threshold 0, pending none, enabled 7 9 42$" "aia_emul: hs irqchip shows the identities that are enabled"
		like "$(after 'hs irqchip' 2)" "^    delivery 1, threshold 0, pending 42, enabled 7 9 42$" "aia_emul: hs irqchip shows the pending identity"
		like "$(after 'hs irqchip')" "^hart 0: [1-9][0-9]* guest files, none in use$" "aia_emul: hs irqchip shows that no guest file is in use"
	fi
done

# The payload nested, which is L1, enters L2 and takes its first exit, an ecall.
machine=(--vcpus 1 --nested "$O/guest-payloads/nested.bin")
hs_gdb 'hs until-entry' 'hs where' 'hs until nested_enter' 'hs where' 'hs until-entry' 'hs where' 'hs vms' 'hs vcpu' \
	'hs until-exit ecall_vs' 'hs where' 'hs until nested_take_trap' 'hs where' 'tbreak nested_mark_dirty' 'continue' 'hs where' \
	'hs until-entry' 'hs where' 'hs vms' 'hs vcpu' 'hs until vcpu_fast_csr' 'hs where' 'hs until try_access' 'hs where' \
	'hs until shadow_map' 'hs gstage fault->gpa' 'hs vstage 0x80200000'
# The levels that hs where shows, as one line: `L2 ...|L1 ...|L0 ...`, with > at the one that runs, and <name> for each address.
levels()	# N
{
	after 'hs where' "$1" | sed -nE 's/^  ([> ]) (L[012] )/\1\2/p' | sed -E 's/^ //; s/ +/ /g; s/0x[0-9a-f]+ </</' | paste -sd '|'
}
like "$(after 'hs where')" "^  L1 of vCPU 1\\.0$" "hs where names the level of a vCPU with the H extension: L1"
like "$(after 'hs where' 3)" "^  L2 of vCPU 1\\.0, a guest of its guest$" "hs where names the level: L2"
like "$(after 'hs where' 4)" "^  L0, which runs vCPU 1\\.0$" "hs where names the vCPU whose exit L0 handles"
is "$(levels 1)" "L2 - an sret of L1 would not enter it: hstatus.SPV is 0|>L1 HS pc <_start>|L0 HS exits arrive at <vcpu_exit_nested>" \
	"hs where shows the levels in L1, which has not entered L2"
like "$(levels 2)" "^L2 VS pc <l2_ecall>\|L1 HS enters L2 by its sret at pc <l2_switch\+[0-9]+>\|>L0 HS pc <nested_enter>, handles virtual_inst of L1$" \
	"hs where shows the levels in L0, which handles L1's sret"
is "$(levels 3)" ">L2 VS pc <l2_ecall>|L1 HS traps into L1 arrive at stvec <l2_exit>|L0 HS exits arrive at <vcpu_exit_vector>" \
	"hs where shows the levels in L2"
trapped="L2 VS pc <l2_ecall>|L1 HS traps into L1 arrive at stvec <l2_exit>"
is "$(levels 4)" "$trapped|>L0 HS pc <vcpu_exit_vector>, handles ecall_vs of L2" "hs where shows the levels in L0, at the exit of L2"
is "$(levels 5)" "$trapped|>L0 HS pc <nested_take_trap>, handles ecall_vs of L2" "and where L0 handles it"
is "$(levels 6)" "L2 - has trapped into L1, at pc <l2_ecall>|L1 HS takes a trap at stvec <l2_exit>|>L0 HS pc <nested_mark_dirty>, handles ecall_vs of L2" \
	"and where V is 0, but L2's CSRs are still in the hart"
is "$(levels 7)" "L2 VS an sret of L1 would enter it at sepc <l2_ecall>|>L1 HS pc <l2_exit>|L0 HS exits arrive at <vcpu_exit_nested>" \
	"hs where shows the levels in L1, after the exit of L2"
like "$(levels 8)" "\|L1 HS pc <l2_exit\+[0-9]+>\|>L0 HS pc <vcpu_fast_csr>, handles virtual_inst of L1$" \
	"hs where shows the levels on the fast path"
like "$(levels 9)" "^L2 - L0 accesses its memory for an HLV or HSV of L1\|L1 HS pc <do_hlv_[a-z]+>\|>L0 HS pc <try_access>, handles virtual_inst of L1$" \
	"hs where shows the levels while L0 executes an HLV of L1"
# At the first fault of L2 with a table of L1.
tables=$(after 'hs gstage fault->gpa')
like "$tables" "^L2, the shadow table:\$" "hs gstage walks the shadow table for an address of L2"
like "$tables" "^  no page: V is 0" "which lacks the page that faulted"
like "$tables" "^L2, the table of L1, .*:\$" "then the table of L1"
like "$tables" "^    G-stage of 0x" "whose entries it finds by the VM's own table"
like "$tables" "^L1, the VM's own table:\$" "and the VM's own table"
is "$(tail -n 1 <<<"$tables" | grep -c '^memslot 0 has GPA 0x')" 1 "and shows the memslot of L1's address"
like "$(after 'hs vstage 0x80200000')" "^L1, the VM's own table:\$" "so does hs vstage"
unlike "$said" "Traceback|Python Exception" "no command raised an exception"
like "$(after 'hs vms')" "loaded in hart 0, in L2, pc " "hs vms shows that L2 runs"
like "$(after 'hs vms' 2)" "loaded in hart 0, in L1, pc " "hs vms shows that L1 runs"
# The exit moved L2's CSRs from the hart to memory, and L1's from memory to the hart.
csr_of()	# N HEADING NAME: print the value of a CSR under this heading in the Nth output of hs vcpu
{
	after 'hs vcpu' "$1" | awk -v heading="$2" -v name="$3" '/:$/ { on = index($0, heading) == 1 } on && $1 == name { print $2 }'
}
is "$(csr_of 1 'CSRs in hart 0' vsscratch) $(csr_of 1 'S CSRs of L1' sscratch)" \
	"$(csr_of 2 'VS CSRs of L1' vsscratch) $(csr_of 2 'CSRs in hart 0' vsscratch)" "hs vcpu shows the CSRs of both levels"
unlike "$(csr_of 1 'S CSRs of L1' sscratch)" "^$(csr_of 1 'CSRs in hart 0' vsscratch)\$|^\$" "and they differ"
like "$(after 'hs vcpu')" "^  hideleg +0x0+444 " "hs vcpu shows L1's H CSRs"

for words in --out --vmlinux "--vmlinux /no/such/file hello"; do
	# shellcheck disable=SC2086 # words on purpose
	said=$("$HS_TOP/scripts/hyperscope" gdb $words 2>&1)
	is "$? $(wc -l <<<"$said") $(grep -c '^gdb: ' <<<"$said")" "125 1 1" "scripts/hyperscope gdb $words is refused in one sentence" ||
		diag "$said"
done

# A killed `scripts/hyperscope gdb` cannot clean up. Its machine has to end nevertheless, before gdb
# does.
"$HS_TOP/scripts/hyperscope" gdb --icount --harts 1 --vcpus 1 --out "$O" hello -- -nx -batch \
	-ex "shell echo \$\$ >'$tmp/sleeper'; exec sleep 600" </dev/null >/dev/null 2>&1 &
wait_until 100 '[ -s "$tmp/sleeper" ]'
[ -s "$tmp/sleeper" ] && [ -n "$(left_running)" ] && kill -KILL $!
ok $? "scripts/hyperscope gdb is killed while gdb is busy"
wait 2>/dev/null
wait_until 50 '[ -z "$(left_running)" ]'
is "$(left_running)" "" "nothing is left running"
kill "$(cat "$tmp/sleeper")"
done_testing
