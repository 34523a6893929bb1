#!/bin/bash
# SPDX-License-Identifier: MIT
#
# sweep-plot.t - scripts/hyperscope plot draws the results of any sweep: marks are at their values,
# and labels and foot state what is shown. Results that would make a figure wrong are refused, and so
# are damaged files.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

/usr/bin/python3 -c 'import matplotlib' 2>/dev/null ||
	{ echo "1..0 # SKIP /usr/bin/python3 has no matplotlib: run 'scripts/hyperscope setup figures'"; exit 0; }
smp=$HS_TOP/notebooks-data/smp-scale.csv

plot()
{
	out=$("$HS_TOP/scripts/hyperscope" plot "$@" 2>"$tmp/err")
	status=$?
	err=$(<"$tmp/err")
}

# The command line.
plot --sweep "$smp" --x vcpus --y fork_exec_200 --by system --out "$tmp/out"
is "$status $(realpath "$out")" "0 $(realpath "$tmp/out/figures/plot.svg")" "a sweep is plotted to OUT/figures/plot.svg" || diag "$err"
like "$(<"$tmp/out/figures/plot.svg")" '<!-- Linux KVM -->' "the figure names the series"
plot --bench "$HS_TOP/notebooks-data/exit-latency.csv" --x name --y 'sbi_version,mmio_read' --by system --where cpu=rv64 \
	--where toggles=default --format svg,pdf -o "$tmp/bench"
is "$status" 0 "the benchmark's CSV is plotted" || diag "$err"
csv=$(awk -F, '$1 == "linux" && $2 == "mmio_read" && $3 == "default" && $4 == "rv64" { printf "%.0f", $8 }' "$HS_TOP/notebooks-data/exit-latency.csv")
like "$(<"$tmp/bench.svg")" "<!-- $csv -->" "a bar has the median of the CSV"
is "$(head -c 5 "$tmp/bench.pdf")" "%PDF-" "--format writes each format"
plot --sweep "$smp" --list
like "$status $(tr -s ' ' <<<"$out")" '^vcpus 1, 2, 4, 8$' "--list prints the values of a parameter"
like "$(tr -s ' ' <<<"$out")" '^fork_exec_200 8 instructions$' "--list prints the results with their units"
is "$(awk 'length > 80' <<<"$out")" "" "--list is at most 80 characters wide"
plot --sweep "$smp"
like "$status $err" '^2 plot: give --x and --y; --list shows' "a request without --x is a usage error"
like "$("$HS_TOP/scripts/hyperscope" completion words plot --rel)" '^--relative-to$' "the options are completed"
(ulimit -f 8; plot --sweep "$smp" --x vcpus --y fork_exec_200 --by system -o "$tmp/full.svg"; echo "$status $err" >"$tmp/said")
like "$(<"$tmp/said")" '^125 plot: .*File too large' "a figure that cannot be written in full is reported"
is "$(find "$tmp" -name "*full*" | wc -l)" 0 "a figure that cannot be written in full leaves no file"

# The rest runs in one Python.
cat >"$tmp/inside.py" <<'END'
import contextlib, csv, io, os, re, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.environ["HS_TOP"], "scripts"))
os.chdir(sys.argv[1])
from hs.bench import provenance
from hs.commands import plot
from hs.errors import LaunchError

count = 0
def claim(right, name, *more):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if right else "not ok", count, name))
    for line in () if right else more:
        print("# " + str(line).replace("\n", "\n# "))

MADE = dict(dict.fromkeys(provenance.COLUMNS, "none"), commit="c0ffee", qemu="10.0.2", kernel="Linux 6.12", opensbi="OpenSBI v1.5")
def row(value, name="work", unit="instructions", repetition=1, **point):
    """Return a line; the point's parameters come first."""
    return dict(dict(dict(dict(workload="guest:w", system="hyperscope", vcpus="1", time="counted"), **point), repetition=repetition,
                     status="ok", reason="", name=name, value=value, unit=unit, seconds="1", host="h"), **MADE)

def write(rows, path="results.csv"):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)

def run(*words, sweep="results.csv"):
    """Return (status, output) of a plot, which is written to plot.svg."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            status = plot.main(["--sweep", sweep, "-o", "plot.svg", *words])
        except LaunchError as error:
            status, _ = error.status, said.write(str(error))
        except SystemExit as error:
            status = error.code
    return status, said.getvalue()

def drawn(*words, **more):
    """Return the plot's SVG, or fail."""
    if os.path.exists("plot.svg"):
        os.unlink("plot.svg")
    status, said = run(*words, **more)
    if status:
        raise SystemExit("%s: %s %s" % (words, status, said))
    with open("plot.svg", encoding="utf-8") as file:
        return file.read()

def texts(svg):
    return [text.replace("- -", "--") for text in re.findall("<!-- (.*?) -->", svg, re.S)]

def points(svg, color):
    """Return the places of a series' points, (x, y) in the figure, y upwards."""
    within = "".join(re.findall(r"<g clip-path=[^>]*>(.*?)</g>", svg, re.S))
    return [(float(x), -float(y)) for x, y in re.findall(r'<use xlink:href="[^"]*" x="([0-9.]+)" y="([0-9.]+)" style="fill: %s' % color, within)]

def bars(svg, color):
    """Return (begin, end) of the bars of a color, in the figure."""
    found = re.findall(r'<path d="M ([0-9.]+) [0-9.]+ \nL ([0-9.]+) [^"]*" clip-path="[^"]*" style="fill: %s' % re.escape(color), svg)
    return [tuple(map(float, each)) for each in found]

def near(found, wanted):
    return len(found) == len(wanted) and all(abs(a - b) < 0.01 * max(map(abs, wanted)) for a, b in zip(found, wanted))

def shares(found):
    """Return distances from the first one, as shares of the distance to the last."""
    return [(each - found[0]) / (found[-1] - found[0]) for each in found]

def refused(words, status, regex, name, **more):
    got, said = run(*words, **more)
    claim(got == status and re.search(regex, said) and said.count("\n") <= 1, name, got, said)

BLUE, RED = "#0072b2", "#d55e00"
BASIC = ("--x", "vcpus", "--y", "work", "--by", "system")
SWEEP = [row(value * (2 if system == "linux" else 1), vcpus=str(vcpus), system=system)
         for system in ("hyperscope", "linux") for vcpus, value in ((1, 100), (2, 300), (4, 200), (8, 500))]

# Marks and labels.
write(SWEEP)
svg = drawn(*BASIC)
found = points(svg, BLUE)
claim(near(shares([x for x, _ in found]), [0, 1 / 7, 3 / 7, 1]), "points are at their number on --x", found)
claim(near(shares([y for _, y in found]), [0, 0.5, 0.25, 1]), "points are at the height of their value", found)
rise = [y for _, y in points(svg, RED)]
claim(near([rise[1] - rise[0]], [2 * (found[1][1] - found[0][1])]), "two series share one axis", rise)
claim({"hyperscope", "Linux KVM", "vCPUs", "work (instructions)", "work by vCPUs and system"} <= set(texts(svg)), "axes, series and the figure are named", texts(svg))
foot = " ".join(texts(svg))
claim(all(part in foot for part in ("n = 1 per point", "exact counts", "time=counted", "hyperscope c0ffee", "QEMU 10.0.2", "OpenSBI v1.5", "Linux 6.12")),
      "the foot states n, the fixed parameters and the versions", foot)
write([dict(each, disk="1M", system="bare") for each in SWEEP[:4]])
claim("exact" not in " ".join(texts(drawn(*BASIC))), "counts of a bare system with a disk, which vary, are not called exact")
write(SWEEP)
claim(drawn(*BASIC) == svg, "the same input gives the same SVG, to the byte")
write(SWEEP[::-1])
claim(near([y for _, y in points(drawn(*BASIC), BLUE)], [y for _, y in found]), "the order of lines does not change the figure")
write([each for each in SWEEP if (each["system"], each["vcpus"]) != ("linux", "2")])
claim(len(points(drawn(*BASIC), RED)) == 3, "a point without a value is not drawn")
write(SWEEP)
svg = drawn(*BASIC, "--kind", "bars", "--where", "vcpus=1,2")
found = bars(svg, BLUE) + bars(svg, "url")
begin = min(begin for begin, _ in found)
claim(all(abs(each - begin) < 0.01 for each, _ in found), "bars begin at one place, zero", found)
claim(near([end - begin for _, end in found], [(found[0][1] - begin) * times for times in (1, 3, 2, 6)]), "bars are as long as their values", found)
claim({"vcpus=1", "vcpus=2", "100", "600"} <= set(texts(svg)), "bars have the values as numbers", texts(svg))
svg = drawn(*BASIC, "--relative-to", "system=linux")
found = [y for _, y in points(svg, BLUE)]
claim(max(found) - min(found) < 0.01 and not points(svg, RED), "ratios to another series are drawn without that series", found)
claim("1: Linux KVM" in texts(svg) and "work (instructions, relative to Linux KVM)" in " ".join(texts(svg)), "the axis says what ratios are relative to", texts(svg))
claim({"0.500"} <= set(texts(drawn(*BASIC, "--relative-to", "system=linux", "--kind", "bars"))), "a ratio is the value divided by the base's value")
claim({"3", "2", "5", "1"} <= set(texts(drawn(*BASIC, "--relative-to", "vcpus=1", "--kind", "bars"))), "values can be relative to those at one x")
svg = drawn(*BASIC, "--log", "x,y")
claim(near(shares([x for x, _ in points(svg, BLUE)]), [0, 1 / 3, 2 / 3, 1]), "--log x makes the axis of x logarithmic")
claim(any("(logarithmic axis)" in text for text in texts(svg)), "a logarithmic axis is named as such")
claim(re.search(r'width="240\.\d+pt" height="283\.\d+pt"', drawn(*BASIC, "--size", "columnx10")), "--size gives the size in cm")
claim(not any(text.startswith("work by") for text in texts(drawn(*BASIC, "--title", ""))), "an empty --title omits the title")
svg = drawn("--x", "vcpus", "--y", "work", "--by", "system", "--by", "time", "--kind", "points")
claim({"system=hyperscope, time=counted", "hyperscope, time=counted"} & set(texts(svg)), "several columns make the series", texts(svg))

# Repetitions.
write([row(value, repetition=turn + 1, time="wall", unit="x", system=system) for system in ("bare", "linux") for turn, value in enumerate((1, 2, 6))])
for statistic, shown in (("median", "2.00"), ("mean", "3.00"), ("min", "1"), ("max", "6")):
    svg = drawn("--x", "system", "--y", "work", "--statistic", statistic)
    numbers = [text for text in texts(svg) if re.match(r"[0-9.]+( \(to |$)", text)]
    claim(sum(text.split()[0] in (shown, shown.rstrip("0").rstrip(".")) for text in numbers) >= 2, "--statistic %s of the repetitions is drawn" % statistic, numbers)
claim("2 (to 6)" in texts(drawn("--x", "system", "--y", "work")), "the greatest repetition is given where it is far from the median")
foot = " ".join(texts(svg))
claim("n = 3 per point" in foot and "least to greatest repetition" in foot and "exact" not in foot, "the foot states the spread", foot)

# Spreads of ratios.
PAIRS = [row(value, name=name, unit="s", time="wall", repetition=n) for name, values in (("ours", (10, 10, 10)), ("theirs", (5, 10, 20)))
         for n, value in enumerate(values, 1)]
RATIOS = ("--x", "name", "--y", "*", "--relative-to", "name=theirs")
write(PAIRS)
found = texts(drawn(*RATIOS))
claim("1 (to 2)" in found and "least to greatest ratio of a repetition to the same repetition of the base" in " ".join(found),
      "whiskers of a ratio are the ratios of equal repetitions", found)
claim({"1.17 (to 2)"} & set(texts(drawn(*RATIOS, "--statistic", "mean"))), "the statistic is that of the ratios of repetitions")
write(PAIRS[:2] + PAIRS[3:])
found = texts(drawn(*RATIOS))
claim("1 (to 2)" in found and "for a ratio, each end is divided by the base's other end" in " ".join(found),
      "whiskers of a ratio of different repetitions are those of both spreads", found)
write([dict(each, value=0) if each["value"] == 5 else each for each in PAIRS])
refused(RATIOS, 125, "is 0, so there is no ratio", "a ratio to a base with a repetition of zero is refused")

# Several results.
write([row(value, name=name, unit=unit, vcpus=vcpus) for name, unit in (("work", "instructions"), ("faults", ""), ("other$^", "x"), ("_hidden", "x"))
       for vcpus, value in (("1", 7), ("2", 9))])
svg = drawn("--x", "vcpus", "--y", "work,faults")
claim({"work", "faults", "instructions", "no unit"} <= set(texts(svg)), "each result has a panel with its unit", texts(svg))
svg = drawn("--x", "vcpus", "--y", "other$^,_*", "--by", "name")
claim({"other$^", " _hidden"} <= set(texts(svg)), "names with special characters are shown as they are", texts(svg))
refused(("--x", "name", "--y", "*", "--where", "vcpus=1"), 125, r"different units on one axis: work \(instructions\), faults \(no unit\), other\$\^ \(x\)", "different units on one axis are refused")

# What would be a wrong number.
write(SWEEP)
refused(("--x", "vcpus", "--y", "work"), 125, r"'system' varies \('hyperscope', 'linux'\); add --by system, or .* --where system=VALUE", "several measurements at one point are refused, and the parameter is named")
write([dict(each, settle=i) for i, each in enumerate(SWEEP)])
claim(drawn(*BASIC), "a column that follows the parameters is ignored")
write(SWEEP + SWEEP)
refused(BASIC, 125, r"\(vcpus=1 system=hyperscope\) has repetition 1 more than once", "a repetition that occurs twice is refused")
write(SWEEP + [dict(each, repetition=2, commit="badbad") for each in SWEEP])
refused(BASIC, 125, r"'commit' varies \('c0ffee', 'badbad'\)", "two builds at one point are refused")
write([dict(each, unit="s", time="wall") for each in SWEEP])
refused(BASIC, 125, r"work: times of 8 jobs would be compared.*docs/validity.md", "times of different jobs are refused")
refused(BASIC + ("--relative-to", "system=linux"), 125, "times of 8 jobs would be compared", "ratios of times of different jobs are refused")
write([{key: each[key] for key in each if key != "time"} for each in (dict(each, unit="ms") for each in SWEEP)])
refused(BASIC, 125, "times of 8 jobs would be compared", "times of commands, which have no parameter time, are refused")
write([row(value, name=name, unit="s", time="wall") for name, value in (("one", 1), ("two", 2))])
found = [end - begin for begin, end in bars(drawn("--x", "name", "--y", "*"), BLUE)]
claim(near([each / found[0] for each in found], [1, 2]), "times of one job can be compared", found)
failed = dict(SWEEP[1], status="failed", reason="took longer", name="", value="", unit="")
write([SWEEP[0], failed] + SWEEP[2:])
refused(BASIC, 125, r"1 of 8 lines have the status 'failed': 'system=hyperscope vcpus=2'.*--skip-failed", "a failed job is refused and named")
claim(drawn(*BASIC, "--where", "vcpus=1,4,8"), "a failed job that --where excludes is not an error")
svg = drawn(*BASIC, "--skip-failed")
claim(len(points(svg, BLUE)) == 3 and any("because 1 lines have failed: 'system=hyperscope vcpus=2'" in " ".join(text.split()) for text in texts(svg)),
      "--skip-failed leaves out a failed job, and the foot names it", texts(svg))
write(SWEEP + [row(1, vcpus="", system="linux")])
refused(BASIC, 125, r"1 lines have no value for --x vcpus: .*--where vcpus=1,2,4,8", "lines without a value for --x are refused")
write([row(5, vcpus=vcpus) for vcpus in ("1024M", "1G")])
refused(BASIC, 2, "two of its values are equal numbers", "two names of one number are refused")
write([row(value, system=system) for system, value in (("hyperscope", 5), ("linux", 0))])
refused(("--x", "name", "--y", "work", "--by", "system", "--relative-to", "system=linux"), 125, "is 0, so there is no ratio", "a ratio to zero is refused")
refused(("--x", "name", "--y", "work", "--by", "system", "--log", "y"), 2, "a value is not positive", "a value that a logarithmic axis cannot show is refused")
write(SWEEP[:4] + [row(5, name="only")])
refused(("--x", "vcpus", "--y", "only", "--by", "system", "--relative-to", "system=hyperscope"), 125, "no point has a value to compare with", "ratios without any base are refused")

# Wrong use.
write(SWEEP)
for words, regex, name in (
        (("--x", "vcpu", "--y", "work"), r"--x vcpu: results.csv has no such column; its parameters are workload, system, vcpus, time, name", "unknown column"),
        (BASIC + ("--where", "system=xen"), r"--where system=xen: results.csv has no such value; its values are 'hyperscope', 'linux'", "unknown value"),
        (("--x", "vcpus", "--y", "working"), r"--y working: results.csv has no such result; its results are 'work'", "unknown result"),
        (BASIC + ("--where", "system"), r"--where system: must be COLUMN=VALUE", "condition without a value"),
        (BASIC + ("--relative-to", "time=wall"), r"--relative-to time=wall: add --by time", "base that is not a series"),
        (BASIC + ("--by", "vcpus"), r"--by vcpus: is also --x", "column that is x and series"),
        (BASIC + ("--kind", "bars", "--log", "y"), r"bars begin at zero", "logarithmic axis for bars"),
        (("--x", "system", "--by", "vcpus", "--y", "work", "--kind", "lines"), r"'system' is not a column of numbers", "line over names"),
        (BASIC + ("--log", "z"), r"--log z: must be x, y or x,y", "unknown axis"),
        (BASIC + ("--size", "wide"), r"--size wide: must be WIDTH or", "unknown size"),
        (BASIC + ("--size", "3"), r"--size 3: the width must be 6 to 100 cm", "small width"),
        (BASIC + ("--output", "plot.gif"), r"--output plot.gif: must end in .svg, .png or .pdf", "unknown format of a file"),
        (BASIC + ("--output", "none/plot.svg"), r"--output none/plot.svg: cannot be written", "folder that does not exist"),
        (BASIC + ("--format", "svg,gif"), r"--format gif: must be svg, png or pdf", "unknown format")):
    refused(words, 2, regex, "wrong use is refused: %s" % name)
refused(BASIC + ("--size", "10x3"), 125, r"a height of 3.0 cm is not enough: the text and the axes need [0-9.]+ cm", "a height in which nothing can be read is refused")
refused(BASIC + ("--title", "\u4e2d"), 125, r"Glyph .* missing from (current font|font\(s\) )", "a character that the font lacks is refused")

# Damaged and large files.
def damaged(text, regex, name, words=BASIC):
    with open("damaged.csv", "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    refused(words, 125, regex, "refused: " + name, sweep="damaged.csv")

with open("results.csv", encoding="utf-8") as file:
    whole = file.read()
damaged("", "the first line has no column 'repetition'", "an empty file")
damaged(whole.splitlines()[0] + "\n", "the file has no results", "a file with only a header")
damaged(whole[:-40], "line 9: expected [0-9]+ fields", "a truncated line")
damaged(whole.replace("unit", "einheit", 1), "the first line has no column 'unit'", "a file without a column")
damaged(whole.replace("vcpus", "system", 1), "has the column 'system' more than once", "a column that occurs twice")
damaged(whole.replace(",300,", ",nan,"), "system=hyperscope vcpus=2: result work: value 'nan' is not a number", "a value that is NaN")
damaged(whole.replace(",300,", ",,"), "value '' is not a number", "an empty value")
damaged(whole.replace(",300,", ",1e300,"), r"value 1e\+300 is too large", "a value that is too large")
damaged(b"\xff\xfe" + whole.encode("utf-16"), "not UTF-8 text", "a file that is not UTF-8")
damaged(whole.replace("guest:w", "\0", 1), "line 2: |result 1: 'workload' contains a character that cannot be printed", "a file with a NUL")
damaged(whole.replace("guest:w", '"' + "x" * 200000 + '"', 1), "field larger than field limit", "a very long field")
refused(BASIC, 2, "--sweep: none.csv: no such file", "refused: a file that does not exist", sweep="none.csv")
refused(BASIC, 2, r"--sweep: \.: cannot be read", "refused: a folder", sweep=".")
refused(BASIC, 125, "not results.csv of a sweep: the first line has no column 'repetition'", "refused: the benchmark's CSV", sweep=os.environ["HS_TOP"] + "/notebooks-data/exit-latency.csv")
with open("results.csv", "w", encoding="utf-8") as file:
    file.write("\ufeff" + whole)
claim(drawn("--x", "vcpus", "--y", "work", "--by", "system", "--where", "workload=guest:w"), "a byte order mark is ignored")
write([row(100 + turn % 3, repetition=turn, vcpus=str(1 << turn % 2)) for turn in range(1, 100001)])
claim("n = 50000 per point" in " ".join(texts(drawn(*BASIC))), "100 000 repetitions are plotted")
write([row(i, vcpus=str(i)) for i in range(1, 100001)])
refused(BASIC, 2, "the figure would have 100000 points, of which at most 1000 can be read", "more points than can be read are refused")
refused(BASIC + ("--kind", "bars"), 2, "the figure would have 100000 bars, of which at most 150", "more bars than can be read are refused")
refused(("--x", "name", "--y", "work", "--by", "vcpus"), 2, "100000", "more series than can be told apart are refused")
print("1..%d" % count)
END
mkdir "$tmp/work"
/usr/bin/python3 "$tmp/inside.py" "$tmp/work" >"$tmp/inside" 2>&1
ok $? "the tests of the library run to completion" || diag "$(tail -n 5 "$tmp/inside")"
relay "$(<"$tmp/inside")"
done_testing
