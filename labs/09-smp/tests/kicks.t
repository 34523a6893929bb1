#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kicks.t - a request interrupts a vCPU if, and only if, that is necessary, and a wait for a vCPU
# ends for the right reason
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6
payload lab09_kick

# QEMU never makes a store visible after a later load, so no run can detect a missing fence. Examine
# the compiled code instead: after the request's amoor, in vcpu_request() or in kick(), there must be
# a fence before the first load.
ordered()
{
	riscv64-linux-gnu-objdump -d --no-show-raw-insn "$O/kernel/src/kvm/request.c.o" | awk '
		/^[0-9a-f]+ <[a-z_0-9.]+>:$/ && $2 !~ /<\./ { name = $2 }
		name ~ /^<vcpu_request>/ { code[0] = code[0] $0 "\n" }
		name ~ /^<kick[.>]/ { code[1] = code[1] $0 "\n" }
		END {
			lines = split(code[0] code[1], line, "\n")
			for (i = 1; i <= lines; i++) {
				split(line[i], word)
				asked = asked || word[2] ~ /^amoor/
				if (!asked)
					continue
				if (word[2] == "fence" && (word[3] == "" || word[3] ~ /^[iorw]*w[iorw]*,[iorw]*r/))
					exit 0
				if (word[2] ~ /^l[wd]u?$/ && word[3] !~ /\(sp\)$/)
					exit 1
			}
			exit 1
		}'
}

# No run can detect a race between two senders either, so check that the compiled code has the sc.w
# or amocas.w of an atomic compare and exchange.
atomic()
{
	riscv64-linux-gnu-objdump -d --no-show-raw-insn "$O/kernel/src/kvm/request.c.o" |
		awk '$2 ~ /^(sc|amocas)\.w/ { n++ } END { exit !n }'
}
ordered
ok $? "there is a full fence between the request and the check of the vCPU's state"
atomic
ok $? "an atomic compare and exchange decides who sends the interrupt"
done_testing
