#!/bin/bash
# SPDX-License-Identifier: MIT
#
# plot.t - scripts/hyperscope figures draws figures from the CSVs. Each bar is as long as its
# number, and two runs give the same file. Misleading figures are refused, and figures without data
# are reported and skipped.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/served.sh"

/usr/bin/python3 -c 'import matplotlib' 2>/dev/null ||
	{ echo "1..0 # SKIP /usr/bin/python3 has no matplotlib: run 'scripts/hyperscope setup figures'"; exit 0; }
serve /usr/bin/python3 figures hs.plots.{anatomy,apps,exits,papers,toggles}
plot()	# ARGS...: run scripts/hyperscope figures; sets $status and $out
{
	served --out "$tmp/out" "$@"
}

plot --list
like "$status $out" '^0 exit-latency +cost of an exit' "--list prints the figures"
plot
is $status 0 "all figures that have data are drawn" || diag "$out"
is "$(find "$tmp/out/figures" -name '*.svg' | wc -l)" "$(grep -c '\.svg$' <<<"$out")" "each figure is written to a file, and the file is listed"
cp -R "$tmp/out/figures" "$tmp/first"
plot papers-shape shares exit-latency-all kvm-history # bars, stacks, points and lines
is "$(find "$tmp/out" -newer "$tmp/first" -name '*.svg' | wc -l):$(diff -rq "$tmp/first" "$tmp/out/figures")" "4:" \
	"a second run draws the same figures, to the byte"

mkdir "$tmp/data"
plot --data "$tmp/data"
like "$status $out" '^125 .*exit-latency: skipped: .*exit-latency.csv is missing: run .make bench.' "a figure without data is reported and skipped"
is "$(find "$tmp/out" -newer "$tmp/data" -name '*.svg')" "" "a skipped figure leaves no file"
echo "no,csv" >"$tmp/data/exit-latency.csv"
plot --data "$tmp/data" exit-latency
like "$status $out" '^125 .*exit-latency.csv: not a file that scripts/hyperscope bench --csv wrote' "a CSV that bench did not write is refused"
damaged()	# CLAIM FIGURE FILE REGEX PYTHON: draw FIGURE after PYTHON has changed FILE's `rows` (dictionaries)
{
	rm -rf "$tmp/data" && mkdir -p "$tmp/data" && cp -R "$HS_TOP"/notebooks-data/{*.csv,papers} "$tmp/data"
	python3 - "$tmp/data/$3" "$5" <<'END'
import csv, sys
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
columns = list(rows[0])
exec(sys.argv[2])
with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
END
	plot --data "$tmp/data" "$2"
	like "$status $(tail -n 1 <<<"$out")" "$4" "$1"
}
damaged "an invalid n is refused" exit-latency exit-latency.csv "^125 figures: .*exit-latency.csv: the row nothing of bare: n 'many' is not a number" \
	'rows[0].update(system="bare", exit="nothing", n="many")'
damaged "a figure in a unit other than the axis's is refused" exit-latency exit-latency.csv '^125 .*: nothing of bare has the unit cycles: only instr' \
	'rows[0].update(system="bare", exit="nothing", unit="cycles")'
damaged "a minimum above the median is refused" exit-latency-all exit-latency.csv '^125 .*: the row nothing of bare: min, p50, p99, max are not in ascending order' \
	'rows[0].update(system="bare", exit="nothing", min="1e6")'
damaged "a count that no machine can reach is refused" toggles exit-latency.csv '^125 .*: the row nothing of bare: .* is not possible' \
	'rows[0].update(system="bare", exit="nothing", p99="1e300", max="1e300")'
damaged "shares are not drawn without figures of the module" shares exit-latency.csv '^125 .*no figures of hyperscope, the module and Linux KVM' \
	'rows = [row for row in rows if row["system"] != "module"]'
damaged "an anatomy's line without a number is refused" anatomy anatomy.csv "^125 .*anatomy.csv: not a file that scripts/hyperscope anatomy --csv wrote: line 2: instructions '' is not a number" \
	'rows[0]["instructions"] = ""'
damaged "an anatomy's negative number is refused" anatomy anatomy.csv "^125 .*anatomy.csv: .*: stage '.*' is unknown, or cannot have -5 instr" 'rows[0]["instructions"] = "-5"'
for system in bare linux hyperscope; do
	damaged "the other systems are drawn if the CSV has no rows of $system" exit-latency-all exit-latency.csv '^0 .*exit-latency-all.svg' \
		"rows = [row for row in rows if row['system'] != '$system']"
done
damaged "a figure is drawn if its CSV has a row that the bench lacks" applications applications.csv '^0 ' 'rows += [dict(row, exit="else") for row in rows[:1]]'
damaged "a paper with many machines is drawn" papers-shape papers/kvm-unit-tests-micro-bench/published.csv '^0 ' \
	'rows += [dict(row, system="%d" % i) for row in rows for i in range(12)]'
rm -rf "$tmp/data" && mkdir -p "$tmp/data/papers" && cp -R "$HS_TOP/notebooks-data/papers/kvm-arm-2014" "$tmp/data/papers"
sed -i '/,linux,/d' "$tmp/data/papers/kvm-arm-2014/expected.csv"
plot --data "$tmp/data" papers
like "$status $out" '^125 figures: papers: skipped: no paper has a row with figures of hyperscope and of Linux KVM' "papers without figures of Linux KVM are reported and skipped"
# A sweep's results.
sweep()	# PYTHON REGEX CLAIM: draw a sweep's results after PYTHON has changed its `rows`
{
	python3 - "$HS_TOP/notebooks-data/exit-latency.csv" "$tmp/data/smp-scale.csv" "$1" <<'END'
import csv, sys
with open(sys.argv[1], newline="", encoding="utf-8") as file:
    made = list(csv.DictReader(file))[0]
rows = [dict(made, vcpus=str(vcpus), time=time, repetition=str(turn), status="ok", name=name, unit=unit, system=system,
             value=str(value * (vcpus + turn * (time == "wall") / 9) * (1 + (system == "linux"))))
        for name, unit, time, value in (("work", "instructions", "counted", 1000), ("faster", "x", "wall", 0.9), ("took", "s", "wall", 3))
        for vcpus in (1, 2, 4, 8) for turn in (1, 2, 3) for system in ("hyperscope", "linux")]
exec(sys.argv[3])
with open(sys.argv[2], "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
END
	plot --data "$tmp/data" smp-scale
	like "$status $(tail -n 1 <<<"$out")" "$2" "$3"
}
sweep pass '^0 .*smp-scale.svg' "a sweep over vCPUs is drawn"
sweep 'rows[3]["value"] = "nan"' "^125 .*smp-scale.csv: .*vcpus=1 time=counted.*: result work: value 'nan' is not a number" "a sweep's value that is not a number is refused"
sweep 'rows[3]["vcpus"] = "few"' "^2 .*lines need numbers, but 'vcpus' is not a column of numbers" "a sweep's number of vCPUs that is not a number is refused"
sweep 'rows = [{key: row[key] for key in row if key != "status"} for row in rows]' '^125 .*the first line has no column .status.' "a sweep's results without a column are refused"

plot --format pdf toggles && mv "$tmp/out/figures/toggles.pdf" "$tmp/first"
sleep 1.1
plot --format pdf toggles
cmp "$tmp/out/figures/toggles.pdf" "$tmp/first/toggles.pdf"
ok $? "a second run draws the same PDF, to the byte"
said=$(ulimit -f 8; "$HS_TOP/scripts/hyperscope" figures --to "$tmp/full" toggles 2>&1; echo "status $?")
is "$said" "figures: File too large
status 125" "a figure that cannot be written in full is reported"
is "$(ls "$tmp/full")" "" "a figure that cannot be written in full leaves no file"

plot --cpu z80 exit-latency
like "$status $out" "^125 .*no figures for -cpu z80" "a processor without figures is reported"
plot exit-latencies
like "$status $out" "^2 figures: there is no figure 'exit-latencies'; known figures: exit-latency" "an unknown figure is refused"
plot --format gif
like "$status $out" "^2 .*--format gif: must be svg, png or pdf" "an unknown format is refused"

# The library, called directly.
cat >"$tmp/inside.py" <<'END'
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["HS_TOP"], "scripts"))
from hs.paper import folder as papers_folder
from hs.plots import anatomy, apps, data, exits, marks, papers, style, toggles
from matplotlib.container import BarContainer

count = 0
def claim(right, name):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if right else "not ok", count, name))

def refused(drawn, words):
    try:
        style.check(drawn, "x")
    except style.PlotError as error:
        return words in str(error)
    return False

series = {"hyperscope": style.SYSTEMS["hyperscope"], "linux": style.SYSTEMS["linux"]}
def drawn():
    made, (axes,) = style.figure(4, 2)
    marks.bars(axes, [("a", {"hyperscope": (10, 9, 12), "linux": 40}), ("b", {"linux": (20, 1, 900)})], series, "apples")
    return made, axes

made, axes = drawn()
style.check(made, "x")
lengths = [[patch.get_width() for patch in bars] for bars in axes.containers if isinstance(bars, BarContainer)]
claim(lengths == [[10], [40, 20]], "a bar is as long as its number")
claim(axes.get_xlim()[0] == 0, "a bar's axis begins at zero")
claim("20 (to 900)" in [text.get_text() for text in axes.texts], "the end of a whisker that would dwarf the bars is given as a number")
_, (other,) = style.figure(4, 2)
marks.bars(other, [("a", {"linux": (20, 15, 30)}), ("b", {"linux": (40, 39, 41)})], series, "apples")
claim([text.get_text() for text in other.texts] == ["20 (to 30)", "40"], "the end of a whisker that is far from its bar is given as a number")
axes.set_xlim(left=5)
claim(refused(made, "bars on an axis without a zero"), "an axis without a zero is refused")
made, axes = drawn()
axes.set_ylim(2.5, -1)
claim(refused(made, "a bar reaches beyond its axes"), "a bar that is cut off is refused")
made, axes = drawn()
axes.set_xscale("symlog")
claim(refused(made, "bars on an axis without a zero"), "an axis that is not linear is refused")
made, axes = drawn()
axes.set_xlabel("")
claim(refused(made, "its x axis has numbers and no label"), "an axis of numbers without its unit is refused")
made, axes = drawn()
style.finish(made, "Title", "WIDE WORDS " * 9 + "\nand narrow ones")
style.check(made, "x")
claim(True, "a footnote of wide letters is not wider than the figure")
made.text(0.9, 0.5, "too long for where it begins")
claim(refused(made, "cut off at the figure's edge"), "text that is wider than the figure is refused")
made, (axes,) = style.figure(4, 2)
claim(refused(made, "nothing is drawn"), "an empty figure is refused")
marks.bars(axes, [("a", {})], series, "apples")
claim(refused(made, "nothing is drawn"), "a figure whose rows have no numbers is refused")

made = marks.figure("stacks", [marks.Panel([("head", {}), ("a", {"hyperscope": 10, "linux": 40}), ("b", {"hyperscope": 30, "linux": -5})], "apples")], series)
style.check(made, "x")
axes, = made.axes
parts = [[(patch.get_x(), patch.get_width()) for patch in bars] for bars in axes.containers if isinstance(bars, BarContainer)]
claim(parts == [[(0, 10), (0, 30)], [(10, 40), (30, 0)]], "the parts of a stacked bar follow each other, and a negative one is not drawn")
claim([text.get_text() for text in axes.texts] == ["head", "10", "30", "40", "50", "25"], "a stacked bar has its sum as a number, and so have its parts")
claim([text.get_text() for text in axes.get_yticklabels()] == ["a", "b"], "a group without values is a heading, not a row")

# The figures show the values of the CSVs.
measured = data.bench()
made = exits.draw()
texts = [text.get_text() for axes in made.axes for text in axes.texts]
wanted = [style.shown(measured.of(words)) for words in ("sbi_version", "mmio_read", "linux:mmio_read", "fault_4k_fresh")]
claim(all(text in texts for text in wanted), "exit-latency shows the CSV's numbers: %s" % ", ".join(wanted))
foot = " ".join(text.get_text() for text in made.findobj(lambda each: hasattr(each, "get_text")))
claim(measured.results[0]["qemu"] in foot and "Exact" in foot and "n = " in foot, "exit-latency's footnote gives the QEMU version, the sample count and the precision")
rows = dict((name, (usual, ours)) for name, usual, ours in toggles.changes(measured.cpus["rv64"], None, 0)["mmio_decode=fetch"])
claim(rows["mmio_read"] == (measured.of("mmio_read"), measured.of("mmio_read mmio_decode=fetch")), "a toggle's row has the costs with the default and with the setting")
both = dict((name, usual) for name, usual, _ in toggles.changes(measured.cpus["rv64"], None, 0)["fastpath=off switch=full"])
axes, = toggles.draw().axes
ratios = sorted(x for line in axes.lines if line.get_marker() in "os" for x in line.get_xdata())
wanted = [ours / usual for rows in toggles.changes(measured.cpus["rv64"]).values() for _, usual, ours in rows]
claim(ratios == sorted(wanted), "toggles has a point at each ratio")
claim(both["sbi_version"] == measured.of("sbi_version fastpath=off"), "a setting of two toggles is compared with the first toggle's setting alone")
paper = papers_folder.find("kvm-unit-tests-vmexit")
mine = {(line["row"], line["system"]): float(line["value"]) for line in paper.expected + paper.published}
claim(dict(papers.ratios(paper))["inl_from_qemu"] == mine["inl_from_qemu", "hyperscope"] / mine["inl_from_qemu", "linux"],
      "a paper's row is hyperscope's figure as a multiple of Linux KVM's")
shape = dict(papers.shapes(paper))
claim(shape["inl_from_qemu"]["nested x86"] == mine["inl_from_qemu", "nested x86"] / mine["vmcall", "nested x86"],
      "a published figure is drawn as a multiple of the null call on its own machine")
claim(shape["inl_from_qemu"]["linux"] == mine["inl_from_qemu", "linux"] / mine["vmcall", "linux"], "a figure measured here is drawn as a multiple of its system's null call")
claim("Skylake server" not in shape["inl_from_qemu"], "a machine without a published figure is left out")
lines = anatomy.read()
mine = [line for line in lines if (line["exit"], line["system"], line["stage"]) == ("mmio_read", "linux", "handler")]
claim(len(mine) > 1 and anatomy.by_stage(lines)["mmio_read"]["linux"]["handler"] == sum(line["instructions"] for line in mine),
      "a stage of an anatomy is as long as its functions together")
axes, = anatomy.draw().axes
longest = max(patch.get_x() + patch.get_width() for bars in axes.containers for patch in bars)
totals = [sum(stages.values()) for systems in anatomy.by_stage([line for line in lines if line["cpu"] == "rv64"]).values()
          for system, stages in systems.items() if system in anatomy.SYSTEMS]
claim(abs(longest - max(totals)) < 1, "the longest bar of the anatomies is as long as the greatest sum of stages")

# Use rows that are made here instead of rows that are read from the CSVs.
made = [dict(system=system, exit=row, toggles="default", cpu="rv64", unit="instructions", n="1", p50=value, mean=value)
        for system, row, value in (("native", "boot", "200"), ("hyperscope", "boot", "210"), ("linux", "boot", "220"), ("hyperscope", "blk", "5"),
                                   ("native", "fork_exec", "0"), ("linux", "fork_exec", "7"))]
claim([(row, values) for row, _, _, values in apps.normalized(made)] == [("boot", {"hyperscope": 1.05, "linux": 1.1})],
      "an application is drawn as a multiple of native, and left out without a native figure")
claim([row for row, _ in apps.beside_linux(made + [dict(made[0], system="linux", exit="blk", p50="10", mean="10")])] == ["blk"],
      "an application without a native figure is compared with Linux KVM")
print("1..%d" % count)
END
/usr/bin/python3 "$tmp/inside.py" >"$tmp/inside" 2>&1
ok $? "the tests of the library run to completion" || diag "$(tail -n 5 "$tmp/inside")"
relay "$(<"$tmp/inside")"
done_testing
