#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kicks.t - who is asked for something is interrupted if it has to be, and only then; who waits for a
# vCPU waits for the right thing.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --smp 6
payload lab09_kick

# No QEMU shows a store that is seen after a later load. So the code is read: behind the request's
# amoor, in vcpu_request() or in the kick() that it goes on with, a fence stands before the first load.
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

# Nor does a test see that two come at once: who changes the state does so by sc.w.
atomic()
{
	riscv64-linux-gnu-objdump -d --no-show-raw-insn "$O/kernel/src/kvm/request.c.o" |
		awk '$2 ~ /^(sc|amocas)\.w/ { n++ } END { exit !n }'
}
ordered
ok $? "a full fence stands between the request and the look at who has to be told"
atomic
ok $? "who sends the interrupt has changed the state by an atomic compare and exchange"
done_testing
