#!/bin/bash
# SPDX-License-Identifier: MIT
#
# reproduce.t - `scripts/hyperscope reproduce` reads a paper's folder, or refuses it and names the
# file and line. It reports the paper's claims and figures as expected or not as expected. Figures
# measured with another key (another compiler, QEMU, OpenSBI or kernel) are reported separately.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

# Make a tree with one paper.
mkdir -p "$tmp/tree/notebooks-data/papers/mine" "$tmp/tree/docs" "$tmp/tree/src/kvm"
cp -R "$HS_TOP/scripts" "$tmp/tree"
cp "$HS_TOP/src/kvm/toggle.def" "$tmp/tree/src/kvm"
cp "$HS_TOP/notebooks-data/exit-latency.csv" "$tmp/tree/notebooks-data"
paper=$tmp/tree/notebooks-data/papers/mine
cp "$HS_TOP"/notebooks-data/papers/kvm-arm-2014/{run,check} "$paper"
echo row,system,value,unit,source >"$paper/published.csv"
echo row,system,value,unit,tolerance,compiler,qemu,opensbi,kernel >"$paper/expected.csv"
cat >"$paper/claims.md" <<'END'
# Mine

| row | in the paper | measured here | what that is |
|---|---|---|---|
| call | Hypercall | `sbi_version fastpath=off`; `linux:sbi_version` | a null call |
| switch | VM Switch | `run_vms - run_same` | another VM in between |
| io | I/O | `mmio_read` | a register |
| trap | Trap | - | one instruction |

## call-least: a call is cheaper than I/O

Holds: `call < io`
Does not hold: `hyperscope.call > linux.call`

## cycles: a trap takes 27 cycles

Not here: QEMU has no cycles,
nor has a count.
END
cp "$paper/claims.md" "$tmp/claims.md"
reproduce()
{
	out=$("$tmp/tree/scripts/hyperscope" reproduce "$@" --out "$tmp/out" 2>&1)
	status=$?
	flat="$status $(tr -s '\n ' ' ' <<<"$out")"
}
csv=$tmp/tree/notebooks-data/exit-latency.csv
figure()	# SYSTEM ROW TOGGLES: print the row's p50 in the CSV
{
	sed -n "s/^$1,$2,$3,rv64,[a-z]*,[0-9]*,[0-9.]*,\([0-9.]*\),.*/\1/p" "$csv"
}

reproduce write --from "$csv"
is $status 0 "write stores the measured figures as the expected ones" || diag "$out"
is "$(grep '^call,hyperscope' "$paper/expected.csv" | cut -d, -f3)" "$(figure hyperscope sbi_version fastpath=off)" \
	"a row with a toggle has hyperscope's figure under that toggle"
is "$(grep '^call,linux' "$paper/expected.csv" | cut -d, -f3,5)" "$(figure linux sbi_version default),0.02" "a row's figure of Linux KVM comes from the expression for that system"
is "$(grep '^switch,hyperscope' "$paper/expected.csv" | cut -d, -f3,5)" "$(python3 -c 'import sys; print("%.2f,0" % (float(sys.argv[1]) - float(sys.argv[2])))' \
	"$(figure hyperscope run_vms default)" "$(figure hyperscope run_same default)")" "a difference of two rows has the tolerance 0"
like "$(<"$tmp/tree/docs/results.md")" '\| VM Switch \| `run_vms - run_same` \| [0-9]+ \| [0-9]+ \| - \|' "docs/results.md has the paper's table"
like "$(<"$tmp/tree/docs/results.md")" 'cheaper than I/O \| holds on hyperscope, Linux KVM: `call < io`; does not hold: `hyperscope.call > linux.call` \|' "docs/results.md has the paper's claims"
reproduce write --check
is $status 0 "write --check accepts the page that write has written"
sed -i 's/ VM Switch / VM switch /' "$tmp/tree/docs/results.md"
reproduce write --check
is "$status:$out" "1:docs/results.md is not current: run scripts/hyperscope reproduce write" "write --check reports a page that was edited"

sed 's/^\(hyperscope,.*\),instructions,/\1,cycles,/' "$csv" >"$tmp/cycles.csv"
reproduce all --from "$tmp/cycles.csv"
like "$flat" '^125 .*mine: `hyperscope.call > linux.call` compares different units, cycles and instructions' \
	"a claim that compares two units is refused"

# Add a row that measures a whole guest. Its figure is a multiple of the native figure, and comes
# from a separate CSV.
sed -i '/^| trap/a| boot | Boot | `boot / native:boot` | to a command |' "$paper/claims.md"
printf '\n## slow: a guest boots slower in a VM\n\nHolds: `boot > 1`\n' >>"$paper/claims.md"
of_guest()	# SYSTEM VALUE KERNEL: print a line of the separate CSV
{
	echo "$1,boot,default,rv64,instructions,1,$2,$2,$2,$2,$2,,c1,i1,10,flags,sbi,$3,gcc 1,2"
}
apps=$tmp/apps.csv
{ head -n 1 "$csv"; of_guest native 1000 Linux; of_guest hyperscope 1010 '"hyperscope c1, guest Linux"'; of_guest linux 990 Linux; } >"$apps"
reproduce all --from "$csv" --from "$csv"
like "$flat" '^2 .*--from: more than one line for [a-z]' "two files with the same figure are refused"
reproduce write --from "$csv" --from "$apps"
is "$status:$(grep ^boot "$paper/expected.csv" | cut -d, -f2-5 | paste -sd' ')" \
	"0:hyperscope,1.0100,x native,0.04 linux,0.9900,x native,0.04" "a figure relative to native is expected for hyperscope and for Linux KVM"
like "$(grep ^boot,hyp "$paper/expected.csv")" ',"hyperscope, guest Linux"$' "the key of a figure relative to native has the guest's kernel, but no commit"
like "$(<"$tmp/tree/docs/results.md")" '\| Boot \| `boot / native:boot` \| 1\.010 x \| 0\.990 x \| - \|' "docs/results.md shows a figure relative to native as a multiple"
like "$(<"$tmp/tree/docs/results.md")" 'slower in a VM \| holds on hyperscope: `boot > 1`; does not hold on Linux KVM: `boot > 1` \|' "a claim may use a figure relative to native"
sed -i 's/^boot,linux,0.9900/boot,linux,0.9000/' "$paper/expected.csv"
reproduce all --from "$csv" --from "$apps"
like "$flat" '^1 .*linux boot expected 0.900 x, measured 0.990 x' "figures relative to native are compared in thousandths, not in counts"
reproduce all --from "$csv" --from "$apps" --systems hyperscope,bare
like "$flat" '^0 [^>]*figures: 4 as expected, 0 not 1 paper:' "without the system native, neither its figures nor claims about them are expected"
cp "$tmp/claims.md" "$paper/claims.md"
sed -i /^boot/d "$paper/expected.csv"

reproduce all --from "$csv"
is $status 0 "claims and figures that are all as expected give status 0" || diag "$out"
like "$flat" 'a trap takes 27 cycles not here: QEMU has no cycles, nor has' "a claim that cannot be checked is shown with its reason"
like "$out" 'figures: 7 as expected, 0 not' "each figure is compared"

reproduce all --from "$csv" --systems hyperscope,bare
is $status 0 "with --systems, figures of other systems are not expected" || diag "$out"
like "$flat" 'holds on hyperscope: call < io a trap takes .* figures: 4 as expected, 0 not 1 paper:' "--systems compares neither figures nor claims of other systems"
reproduce all --from "$csv" --systems hyperscope,xen
like "$flat" "^2 .*there is no system 'xen'; known systems: bare, hyperscope, linux" "a system that does not exist is refused"
reproduce all --from "$csv" --systems ""
like "$flat" "^2 .*there is no system ''; known systems:" "an empty list of systems is refused"
reproduce write --from "$csv" --systems bare
like "$flat" '^2 .*expected figures cover all systems' "write refuses --systems, because expected figures cover all systems"

call=$(printf %.0f "$(figure hyperscope sbi_version fastpath=off)") io=$(printf %.0f "$(figure hyperscope mmio_read default)")
near=$((call + 2))	# within 5 % of the measured figure
sed -i "s/^call,hyperscope,[0-9.]*/call,hyperscope,$near/" "$paper/expected.csv"
reproduce all --from "$csv"
is $status 1 "a figure that differs gives status 1"
like "$out" "hyperscope call +expected $near, measured $call" "a figure that differs is named"
sed -i '/^call,hyperscope/s/gcc [0-9.]*/gcc 99.1/' "$paper/expected.csv"
reproduce all --from "$csv"
is $status 0 "a figure that differs with another compiler gives status 0"
like "$out" 'figures: 6 as expected, 0 not, 1 of another key, 1 of them within 5 %' "the output counts figures of another key"
sed -i 's/^call,hyperscope,[0-9.]*/call,hyperscope,100/' "$paper/expected.csv"
reproduce all --from "$csv"
like "$flat" "^0 .*expected 100, measured $call \(another key\)" "a figure of another key is shown if it is far off"
cp "$paper/expected.csv" "$tmp/whole.csv"
sed -i 's/^\(io,hyperscope,[0-9.]*\),instructions/\1,cycles/' "$paper/expected.csv"
reproduce all --from "$csv"
like "$flat" "^1 .*figures: 5 as expected, 1 not, .* hyperscope io expected $io cycles, measured $io instructions .* 1 paper: not all" \
	"a figure in another unit fails"
sed '/^switch,linux/d' "$tmp/whole.csv" >"$paper/expected.csv"
reproduce all --from "$csv"
like "$flat" '^1 .*, 1 not in expected.csv .* linux switch not in expected.csv, measured [0-9]+ 1 paper: not all is as expected' \
	"a figure whose line is missing in expected.csv fails"
reproduce all --from "$csv" --systems hyperscope,bare
is $status 0 "a missing line of a system that is not selected is not a failure"
cp "$tmp/whole.csv" "$paper/expected.csv"

refused()	# NAME SED MESSAGE: claim that claims.md is refused after this change
{
	sed "$2" "$tmp/claims.md" >"$paper/claims.md"
	reproduce list
	is "$status" 125 "$1 is refused"
	like "$out" "^reproduce: notebooks-data/papers/mine/$3" "$1: the message names the file and the line" || diag "$out"
	cp "$tmp/claims.md" "$paper/claims.md"
}
refused "a row that the bench does not have" 's/run_vms/run_vm/' "claims.md:6: .*there is no row 'run_vm'"
refused "a toggle that does not exist" 's/fastpath=off/fastpaths=off/' "claims.md:5: .*fastpaths"
refused "a toggle's default" 's/fastpath=off/fastpath=on/' "claims.md:5: .*fastpath=on is the default"
refused "a claim about a row that the table lacks" 's/`call < io`/`call < it`/' "claims.md:12: .*the table has no row 'it'"
refused "a claim about a row that is not measured" 's/`call < io`/`trap < io`/' "claims.md:12: .*row 'trap' is not measured here"
refused "a system without a column in the results" 's/`linux:sbi_version`/`module:sbi_version`/' "claims.md:5: .*module has no column"
refused "a figure of two systems" 's/`run_vms - run_same`/`linux:run_vms - bare:run_same`/' "claims.md:6: .*a figure cannot have two systems"
refused "a claim that calls functions" 's/`call < io`/`__import__("os").system("id") or call`/' "claims.md:12: .*is not allowed"
refused "a claim without a statement" '/^Not here/,$d' "claims.md:15: claim 'cycles' has no line"
refused "a statement that is not an expression" 's/^Holds: .*/Holds: always/' "claims.md:12: not of the form Holds:"
refused "two rows with one name" 's/^| trap/| call/' "claims.md:8: row 'call': the name of a row has to be unique"
refused "a page without a table" '/^|/d' "claims.md:.*"
refused "a claim that compares nothing" 's/`call < io`/`call or io`/' "claims.md:12: .*compares nothing"
refused "a claim with too many parentheses" "s/.call < io./\`$(printf '(%.0s' {1..500})call$(printf ')%.0s' {1..500}) < io\`/" "claims.md:12: .*are allowed"
refused "a claim with too many signs" "s/.call < io./\`$(printf -- '-%.0s' {1..985})call < io\`/" "claims.md:12: the expression is nested too deeply"
refused "a claim with too many attributes" "s/.call < io./\`call$(printf '.b%.0s' {1..490}) < io\`/" "claims.md:12: 'Attribute' is not allowed"
refused "an invalid number" 's/`call < io`/`call < 1e999 * io`/' "claims.md:12: .*is not allowed"
refused "a claim about a system that does not have the row" 's/`call < io`/`native.call < io`/' "claims.md:12: .*row 'call' is not measured on native"
refused "a statement that belongs to no claim" 's/^## call-least:/## Call least:/' "claims.md:12: this line belongs to no claim"
refused "a statement in a list" 's/^Holds:/- Holds:/' "claims.md:12: not of the form Holds:"
refused "two claims with one name" 's/^## cycles:/## call-least:/' "claims.md:15: there is a claim 'call-least' already"
refused "a toggle of another system" 's/`linux:sbi_version`/`linux:sbi_version fastpath=off`/' "claims.md:5: .*linux has no fastpath"
refused "text that is not UTF-8" '$s/$/\xff/' "claims.md:1: not UTF-8 text"
figure_refused()	# NAME LINE MESSAGE: claim that published.csv is refused with this line
{
	printf '%b\n' "$2" >>"$paper/published.csv"
	reproduce list
	like "$flat" "^125 reproduce: notebooks-data/papers/mine/published.csv: $3" "published.csv: $1 is refused"
	sed -i '2,$d' "$paper/published.csv"
}
figure_refused "an invalid figure" call,paper,many,cycles,nowhere "line 2: value 'many' is not a number"
figure_refused "a figure that is not finite" call,paper,nan,cycles,nowhere "line 2: value 'nan' is not a number"
figure_refused "a line that lacks fields" call,paper,7 "line 2: expected 5 fields"
figure_refused "a quote that does not end" 'call,"paper,7,cycles,nowhere' "line .*unexpected end of data"
figure_refused "a row that does not exist" it,paper,7,cycles,nowhere "claims.md has no row 'it'"
figure_refused "text that is not UTF-8" 'call,\xff,7,cycles,nowhere' "not UTF-8 text"
cp "$paper/expected.csv" "$tmp/expected.csv"
sed -i '2s/,0,/,inf,/' "$paper/expected.csv"
reproduce all --from "$csv"
like "$flat" "^125 .*expected.csv: line 2: tolerance 'inf' is not a number" "an infinite tolerance is refused"
sed '2s/^call/cull/' "$tmp/expected.csv" >"$paper/expected.csv"
reproduce write --from "$csv" mine
is "$status:$(grep -c ^cull "$paper/expected.csv")" 0:0 "write removes expected figures of a row that no longer exists"
sed -i '2,$d' "$paper/expected.csv"
reproduce all --from "$csv"
like "$flat" '^0 .*figures: expected.csv is empty; run .scripts/hyperscope reproduce write --from .* 1 paper: nothing is expected yet $' \
	"a paper without expected figures is reported as such, not as expected"
cp -R "$paper" "$tmp/tree/notebooks-data/papers/other" && cp "$tmp/expected.csv" "$tmp/tree/notebooks-data/papers/other/expected.csv"
reproduce all --from "$csv"
like "$flat" '^0 .* 2 papers: all is as expected; papers without expected figures: 1 $' "a paper without expected figures is counted separately from the others"
rm -r "$tmp/tree/notebooks-data/papers/other"
cp "$tmp/expected.csv" "$paper/expected.csv"
sed 's/^\(hyperscope,mmio_read,default,rv64\),.*/\1/' "$csv" >"$tmp/short.csv"
reproduce all --from "$tmp/short.csv"
like "$flat" '^125 .*short.csv: not a file that scripts/hyperscope bench --csv wrote: line [0-9]+: expected 20 fields' "a truncated line in the bench's CSV is refused"

# A row with a limit relative to bare needs a bare measurement, and so does one with an expected bare figure.
out=$(cd "$HS_TOP/scripts" && python3 -B - 2>&1 <<'END'
from hs.bench import rows, systems
from hs.paper import folder
def measured(system, names):
    return {name for job in systems.jobs_of(system, "rv64", "", None, names) for name in job.rows}
bare = {row.name for row in rows.ROWS if row.over_bare}
print(*sorted(bare - measured("bare", bare)))
for paper in folder.all_papers():
    of_bare = {line["row"] for line in paper.expected if line["system"] == "bare"}
    terms = {term.row for term in paper.terms() if term.system == "bare" and term.row in {
        paper.rows[row].measured["bare"].rpartition(":")[2] for row in of_bare}}
    print(*sorted(terms - measured("bare", terms)))
print("end")
END
)
is "$(tr -d '\n' <<<"$out")" "end" "every row that needs a bare figure is measured on bare"

# hyperscope as a guest of hyperscope has a column only in the papers that measure a row there.
unlike "$(<"$tmp/tree/docs/results.md")" '\| nested \|' "a paper without rows of a guest's guest has no column for them"
sed -i 's/`linux:sbi_version`/&; `nested:sbi_version`/; s/^Holds: .*/&\nHolds: `nested.call > 10 * hyperscope.call`/' "$paper/claims.md"
{ cat "$csv"; echo "nested,sbi_version,default,rv64,instructions,1,2500,2500,2500,2500,2500,,c1,i1,10,flags,sbi,hyperscope c1,gcc 1,2"; } >"$tmp/nested.csv"
cp "$paper/expected.csv" "$tmp/without.csv"
reproduce write --from "$tmp/nested.csv"
is "$status:$(grep ^call,nested "$paper/expected.csv" | cut -d, -f3,5,9)" "0:2500.00,0,hyperscope" "a row is measured in a guest's guest"
like "$(<"$tmp/tree/docs/results.md")" '\| Hypercall \|[^|]*\| [0-9]+ \| 2500 \| [0-9]+ \| - \|' "docs/results.md has a column for a guest's guest"
reproduce all --from "$tmp/nested.csv"
like "$flat" '^0 .* hyperscope nested Linux KVM no VM Hypercall [0-9]+ 2500 .* holds: nested.call > 10 .*hyperscope.call' "a claim can name a guest's guest"
cp "$tmp/without.csv" "$paper/expected.csv"
cp "$tmp/claims.md" "$paper/claims.md"

# In this tree's papers, the source of each figure can be looked up.
sources=$(cat "$HS_TOP"/notebooks-data/papers/*/published.csv | sed -n 's/^[^"]*,"\(.*\)"$/\1/p' | grep -v '^the same')
is "$(grep -vE ', [0-9]{4}-[0-9]{2}-[0-9]{2}, [^ ]+@[^ ]+$' <<<"$sources")" "" "each source has a date and a Message-Id"
is "$(sed -n 's/^[^[]*\(\[PATCH[^,]*\).*/\1/p' <<<"$sources" | while read -r title; do
	cat "$HS_TOP"/notebooks-data/papers/*/claims.md | tr '\n' ' ' | grep -qF "$title" || echo "$title"
done)" "" "claims.md has the title of each source's patch"

# The paper is a user's own folder: first outside the tree, then linked into the tree.
mv "$paper" "$tmp/elsewhere"
reproduce all --from "$csv" "$tmp/elsewhere"
like "$flat" '^[01] elsewhere: Mine .* 1 paper: ' "a paper's folder outside the tree is measured and checked"
ln -s "$tmp/elsewhere" "$paper"
"$paper/run" --from "$csv" --out "$tmp/out" >/dev/null && out=$("$paper/check" --out "$tmp/out" 2>&1)
like "$out" '^mine: Mine' "a linked folder's own run and check work"
rm "$paper" && mv "$tmp/elsewhere" "$paper"
out=$({ "$tmp/tree/scripts/hyperscope" reproduce list | true; } 2>&1)
is "$out" "" "if the reader closes the pipe, no error is printed"

sed -i 's/^Holds: .*/Holds: `call > io`/' "$paper/claims.md"
reproduce all --from "$csv"
like "$flat" "^1 .*does not hold on hyperscope, Linux KVM, which was not expected: call > io" "a claim that is expected to hold, and does not, gives status 1"
cp "$tmp/claims.md" "$paper/claims.md"

# A user's own run can be any program that writes the CSV.
cat >"$paper/run" <<'END'
#!/bin/bash
while [ $# -gt 1 ]; do [ "$1" != --to ] || to=$2; shift; done
printf 'row,system,value,unit,n,compiler,qemu,opensbi,kernel\ncall,hyperscope,7,cycles,1,gcc 1,board,none,none\n' >"$to/mine.csv"
END
reproduce all --from "$csv"
like "$flat" '^1 .*Hypercall +7 .*a call is cheaper than I/O not measured on hyperscope, Linux KVM: call < io' "a user's own run is accepted, and the figures that it lacks are reported"
# If a run gives no figures of hyperscope, it is not enough that the claim holds on Linux KVM.
printf '# One\n\n%s\n\n## least: a call is least\n\nHolds: `call < io`\n' "$(grep '^|' "$tmp/claims.md")" >"$paper/claims.md"
cat >"$paper/run" <<'END'
#!/bin/bash
while [ $# -gt 1 ]; do case $1 in --to) to=$2 ;; --from) from=$2 ;; esac; shift; done
"$HYPERSCOPE" reproduce run mine --from "$from" --to "$to" && sed -i '/,hyperscope,/d' "$to/mine.csv"
END
reproduce all --from "$csv"
like "$flat" '^1 .*not measured on hyperscope: call < io holds on Linux KVM: call < io .* 1 paper: not all is as expected' \
	"a claim about all systems fails if one of them was not measured"
like "$out" 'figures: [1-9] as expected, 0 not, 3 not measured' "missing figures are counted"
like "$out" 'hyperscope call +expected [0-9]+, not measured' "missing figures are named"
sed -i 's/^Holds: .*/Not here: no/' "$paper/claims.md"
reproduce all --from "$csv"
like "$flat" "^1 " "missing figures fail even if no claim uses them"
cp "$tmp/claims.md" "$paper/claims.md"
printf '#!/bin/bash\n' >"$paper/run"
reproduce all --from "$csv"
like "$flat" '^125.*/mine.csv: No such file' "figures that a user's own run wrote earlier are not used"
printf '#!/bin/bash\nexit 3\n' >"$paper/run"
reproduce all --from "$csv"
like "$flat" '^125.*mine: run ended with status 3' "the failure of a user's own run is reported"
out=$("$tmp/tree/scripts/hyperscope" reproduce-verify --out "$tmp/out" mine 2>&1)
like "$? $out" '^125 reproduce-verify: .* is neither a git clone nor an archive made by scripts/hyperscope artifact' \
	"reproduce-verify refuses a tree that is neither a clone nor an archive"
reproduce all nothing
like "$flat" "^2 .*there is no paper 'nothing'; known papers: mine" "a paper that does not exist is refused"
reproduce all --from /none
like "$flat" '^2 .*/none: no such file' "a CSV that does not exist is reported"
done_testing
