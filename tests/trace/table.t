#!/bin/bash
# SPDX-License-Identifier: MIT
#
# table.t - the table of events agrees with the code that emits them and with docs/trace.md;
# hstrace's own tables agree with those of the host and the VMM.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1

missing=
for event in $(sed -n 's/^EVENT(\([a-z0-9_]*\),.*/\1/p' trace/events.def); do
	grep -rqw "trace_$event" src/kvm src/host || missing+=" $event"
done
is "$missing" "" "every event of the table is emitted somewhere"

missing=
for class in $(sed -n 's/^EXIT_CLASS(\([A-Z0-9_]*\),.*/\1/p' src/include/hv/exit_class.def); do
	grep -rqw "EXIT_$class" src/kvm || grep -q "^SBI_EXTENSION(.*, $class," src/include/hv/sbi.def || missing+=" $class"
done
is "$missing" "" "every row of the exit table is used"

is "$(python3 tests/trace/handlers.py 2>&1)" "" "every handler of the dispatch table emits an event"
mkdir -p "$tmp/src"
cp -r src/kvm "$tmp/src"
sed -i 's/trace_kvm_exit_unknown(.*);//; s/\[EXC_ECALL_U\] = vcpu_redirect_trap/[EXC_ECALL_U] = exit_mute/' "$tmp/src/kvm/exit/exit.c"
is "$(python3 tests/trace/handlers.py "$tmp" | tr '\n' ' ')" "exit_mute exit_unknown " \
	"handlers that do not emit an event are found"

is "$(trace/doc.py --check 2>&1)" "" "docs/trace.md lists the events of the table"
is "$(sed -n 's/^#define TRACE_TYPE_\([a-z]*\).*/\1/p' src/include/hv/trace_fields.h | sort)" \
	"$(sed -n '/ kinds\[HST_NR_KINDS\] = {/,/^};/s/[^"]*"\([a-z]*\)"/\1\n/gp' trace/file/field.c | grep -x '[a-z]*' | grep . | sort)" \
	"hstrace prints every kind of field"

# The devices of trace/hstrace/device.c are those of our VMM's memory map.
is "$(sed -n 's/^\t{ "\([a-z]*\)", 0x0*\([0-9a-f]*\), 0x0*\([0-9a-f]*\) },$/\1 \2 \3/p' trace/hstrace/device.c | sort)" \
	"$(for d in SYSCON PLIC APLIC UART; do
		echo "${d,,} $(sed -n "s/^#define ${d}_BASE *0x0*\([0-9a-f]*\)ul$/\1/p" src/vmm/platform.h)" \
			"$(sed -n "s/^#define ${d}_SIZE *0x0*\([0-9a-f]*\)ul$/\1/p" src/vmm/platform.h)"
	done | sort)" "hstrace has the addresses and sizes of the VMM's devices"
is "$(grep -hc '^#include.*[/"]device\.def"' src/vmm/platform.h trace/hstrace/device.c | xargs)" "2 1" \
	"hstrace takes the other devices from the VMM's device.def"
is "$(sed -n 's/^\t{ "\([a-z]*\)", 0x\([0-9a-f]*\), [0-9]* }.*/\U\1 \E\2/p' trace/hstrace/device.c)" \
	"$(sed -n 's/^#define \([A-Z]*\)_BASE(n) *(0x\([0-9a-f]*\)ul .*/\1 \2/p; s/^#define \(IMSIC\)_BASE *0x\([0-9a-f]*\)ul .*/\1 \2/p' src/vmm/platform.h)" \
	"hstrace has the VMM's addresses of the devices that have several pages"

done_testing
