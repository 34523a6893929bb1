#!/bin/bash
# SPDX-License-Identifier: MIT
#
# grade.slow.t - grade a starter, and submissions that read a hidden test, do not end, end too early or print
# too much: their tests fail, the grader ends, and nothing is left running.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/fixture-lab.sh"
export HYPERSCOPE_SET=
# Another test may be grading at the same time. The folders of this test's graders are in $tmp/out/tmp.
mkdir "$tmp/out" && ln -s "$O"/* "$tmp/out" && rm "$tmp/out/tmp" && O=$tmp/out || exit 1

mkdir -p "$tmp/starter/src/kvm/sbi"
python3 - "$fixture/91-fixture/tree/src/kvm/sbi/sbi_base.c" "$tmp/starter/src/kvm/sbi/sbi_base.c" "$HS_TOP" <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[3] + "/scripts")
from hs.lab import markers
open(sys.argv[2], "w").write(markers.starter("src/kvm/sbi/sbi_base.c", open(sys.argv[1]).read(), 91))
END
graded starter
is "$status:$(points)" "1:0 of 90" "the starter gets no points"
like "$(tr -s '\n ' ' ' <<<"$said")" 'lab 91: src/kvm/sbi/sbi_base.c: answer each function' "the report on the starter names what the student has to write"

echo "the course's key" >"$tmp/key"
hand_in reads src/kvm/sbi/sbi_base.c
for file in ../../../reference/src/kvm/sbi/sbi_base.c "$HS_TOP/src/kvm/sbi/sbi_base.c" "$fixture/91-fixture/tree/src/kvm/sbi/sbi_base.c" \
	"/proc/$$/root$fixture/91-fixture/hidden/kept.t"; do
	printf '#if __has_include("%s")\n#error seen: %s\n#endif\n' "$file" "$file" >>"$tmp/reads/src/kvm/sbi/sbi_base.c"
done
echo "__asm__(\".pushsection .rodata\\n .inc\" \"bin \\\"$fixture/91-fixture/hidden/kept.t\\\"\\n .popsection\");" \
	>>"$tmp/reads/src/kvm/sbi/sbi_base.c"
graded reads --hidden --key "$tmp/key"
is "$status:$(points)" "1:0 of 100" "a submission that reads a hidden test at build time gets no points" || diag "$said"
unlike "$said" xyzzy "the hidden test's text is not in the report"
unlike "$said" 'seen:' "the compiler finds neither the solution nor, through /proc, the hidden test"
like "$said" 'file not found' "the compiler reports that the hidden test does not exist" || diag "$said"

in_vmm()	# NAME CODE: submit a VMM that runs CODE first
{
	hand_in "$1" src/kvm/sbi/sbi_base.c src/vmm/message.c
	printf '#include <unistd.h>\n__attribute__((constructor)) static void cheat(void)\n{\n%s\n}\n' "$2" \
		>>"$tmp/$1/src/vmm/message.c"
}

in_kernel()	# NAME DECLARATION CALL: submit a hypervisor that runs CALL at each call to the base extension
{
	hand_in "$1" src/kvm/sbi/sbi_base.c
	{ echo "$2"; sed "s|^\tswitch (fid) {|\t$3;\n&|" "$fixture/91-fixture/tree/src/kvm/sbi/sbi_base.c"; } \
		>"$tmp/$1/src/kvm/sbi/sbi_base.c"
}

nothing()	# NAME REGEX LABEL: claim that $tmp/NAME gets no points for the test base, for a reason that REGEX matches
{
	graded "$1" --tests base
	is "$status:$(points)" "1:0 of 60" "$3 gets no points" || diag "$said"
	like "$(lines base)" "$2" "$3: the report gives the reason" || diag "$said"
	is "$(left_running)" "" "$3: nothing is left running"
}

in_vmm hangs 'for (;;) ;'
nothing hangs 'ended after [0-9]+ seconds' "a VMM that hangs"
in_vmm floods 'for (;;) printf("ok 1 - all is well, and this line is long enough to fill a disk soon\n");'
nothing floods 'ended after|MiB' "a VMM that floods its output"
hand_in counted src/kvm/sbi/sbi_base.c src/vmm/message.c
cat >>"$tmp/counted/src/vmm/message.c" <<'END'
#include <string.h>
__attribute__((constructor)) static void flood(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		while (strstr(argv[i], "only="))
			printf("%4096d", 0);
}
END
graded counted --tests base,null
is "$status:$(points)" "1:60 of 90" "a VMM that floods its output only in the benchmark gets no points for it" || diag "$said"
like "$(lines null)" 'was not measured: .*MiB' "... and is ended" || diag "$said"
in_vmm forks 'for (;;) fork();'
nothing forks 'the machine hangs' "a VMM that forks without end"
in_kernel exits 'void host_first_exited(int wait_status);' 'host_first_exited(0)'
nothing exits 'not ok' "a hypervisor that ends the machine with status 0"
in_kernel panics 'void panic(const char *fmt, ...);' 'panic("ok 1 - %s", "all is well")'
nothing panics 'the host panicked' "a hypervisor that panics"
in_kernel loops 'void nothing(void);' 'for (;;) __asm__("")'
nothing loops 'ended after [0-9]+ seconds' "a hypervisor that hangs"
like "$(lines base)" 'the machine hangs: the rest of this test was not run' "if the hypervisor hangs, the test ends with its first machine"

# In a container, root may be unable to create namespaces; then the compiler runs as another user.
if [ "$(id -u)" = 0 ]; then
	mkdir "$tmp/bin" && printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/unshare" && chmod +x "$tmp/bin/unshare"
	chmod 755 "$tmp"
	echo key >"$tmp/key"
	hand_in reads src/kvm/sbi/sbi_base.c
	echo "__asm__(\".incbin \\\"$fixture/91-fixture/hidden/kept.t\\\"\");" >>"$tmp/reads/src/kvm/sbi/sbi_base.c"
	PATH=$tmp/bin:$PATH graded reads --hidden --key "$tmp/key"
	is "$status:$(points)" "1:0 of 100" "without namespaces, a submission that reads a hidden test gets no points" || diag "$said"
	like "$said" 'the build failed' "without namespaces, the compiler runs as another user"
	hand_in right src/kvm/sbi/sbi_base.c
	PATH=$tmp/bin:$PATH graded right --hidden --key "$tmp/key"
	is "$status:$(points)" "0:100 of 100" "without namespaces, the solution gets all points" || diag "$said $err"
else
	skip "without namespaces, the compiler runs as another user" "only root can start the compiler as another user"
fi

hand_in large src/kvm/sbi/sbi_base.c
echo 'char large[1UL << 36] = { 1 };' >>"$tmp/large/src/kvm/sbi/sbi_base.c"
graded large --tests base
is "$status:$(points)" "1:0 of 60" "a submission with an object of 64 GiB gets no points" || diag "$said"
like "$said" 'the build failed' "a submission with an object of 64 GiB does not build"
is "$(find "$O/tmp" -maxdepth 1 -name 'grade.*' | wc -l)" 0 "the grader leaves no folder behind" || diag "$(ls "$O/tmp")"
done_testing
