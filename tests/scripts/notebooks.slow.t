#!/bin/bash
# SPDX-License-Identifier: MIT
#
# notebooks.slow.t - every notebook whose CSVs exist runs without an exception, its figures are not
# empty and are both in its page and in files, and its key numbers equal those that this test
# computes from the CSVs.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
if ! [ -x /usr/bin/jupyter-nbconvert ] || ! /usr/bin/python3 -c 'import pandas, ipykernel, matplotlib' 2>/dev/null; then
	echo "1..0 # SKIP Jupyter, pandas or matplotlib is missing: run 'scripts/hyperscope setup notebooks'"
	exit 0
fi
[ -d "$HS_TOP/notebooks-data/notebooks" ] || { echo "1..0 # SKIP there are no notebooks in this tree"; exit 0; }

before=$(cat "$HS_TOP"/notebooks-data/notebooks/* | cksum)
"$HS_TOP/scripts/hyperscope" notebooks --to "$tmp/books" >"$tmp/said" 2>"$tmp/err"
is $? 0 "all notebooks run without an error" || diag "$(<"$tmp/err")"
is "$(cat "$HS_TOP"/notebooks-data/notebooks/* | cksum)" "$before" "running the notebooks does not change the stored ones"
grep 'skipped' "$tmp/err" | while read -r line; do diag "$line"; done

cat >"$tmp/look.py" <<'END'
import base64, csv, glob, json, math, os, re, sys

top, books = os.environ["HS_TOP"], sys.argv[1]
data = top + "/notebooks-data/"
count = 0
def claim(right, name, *why):
    global count
    count += 1
    print("%s %d - %s" % ("ok" if right else "not ok", count, name))
    for each in () if right else why:
        print("#  " + str(each))

def read(name):
    return list(csv.DictReader(open(data + name, encoding="utf-8")))

def cell(system, row, setting="default", cpu="rv64"):
    """Return a median, read without the project's own code."""
    return next(float(line["p50"]) for line in read("exit-latency.csv")
                if (line["system"], line["exit"], line["toggles"], line["cpu"]) == (system, row, setting, cpu))

def exit_latency(number):
    for row in ("sbi_version", "mmio_read", "fault_4k_fresh"):
        for system in ("hyperscope", "linux"):
            yield "%s.%s" % (system, row), cell(system, row)

def toggles(number):
    yield "mmio_decode=fetch", cell("hyperscope", "mmio_read", "mmio_decode=fetch") - cell("hyperscope", "mmio_read")
    lazy, eager = ([cell("hyperscope", row, setting) for row in ("run_vcpus", "run_vcpus_fp_use")] for setting in ("default", "fp=eager"))
    yield "fp.eager-from-percent", 100 * (eager[0] - lazy[0]) / ((eager[0] - lazy[0]) + (lazy[1] - eager[1]))

def anatomy(number):
    for key in number:
        system, _, row = key.partition(".")
        if row != "functions":
            yield key, sum(float(line["instructions"]) for line in read("anatomy.csv") if (line["system"], line["exit"]) == (system, row))

def boot(number):
    lines = {(line["system"], line["exit"]): float(line["p50"]) for line in read("applications.csv") if line["toggles"] == "default"}
    for key in ("hyperscope.boot", "linux.boot"):
        yield key, lines[tuple(key.split("."))] / lines["native", "boot"]

def smp_scale(number):
    for key in number:
        system, name = key.split(".", 1)
        name, vcpus = name.rsplit(".", 1)
        values = sorted(float(line["value"]) for line in read("smp-scale.csv") if line["status"] == "ok"
                        and (line.get("system") or "hyperscope", line["name"], line["vcpus"]) == (system, name, vcpus))
        middle = len(values) // 2
        yield key, values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2

def papers(number):
    """For each row, yield the paper's name for it and hyperscope's ratio to Linux KVM."""
    for path in glob.glob(data + "papers/kvm-*/expected.csv"):
        paper = path.split("/")[-2]
        values = {(line["row"], line["system"]): float(line["value"]) for line in csv.DictReader(open(path, encoding="utf-8"))}
        for row, theirs in re.findall(r"^\| (\w+) \| ([^|]*) \| `", open(os.path.dirname(path) + "/claims.md", encoding="utf-8").read(), re.M):
            key = "%s.%s" % (paper, theirs.replace(" ", "-"))
            if key in number and values.get((row, "linux")):
                yield key, values[row, "hyperscope"] / values[row, "linux"]

expected = {"exit-latency": exit_latency, "toggles": toggles, "anatomy": anatomy, "boot": boot, "smp-scale": smp_scale, "papers": papers}
for path in sorted(glob.glob(data + "notebooks/*.ipynb")):
    name = os.path.basename(path)[:-len(".ipynb")]
    book = json.load(open(path, encoding="utf-8"))
    if not all(os.path.exists(data + need) for need in book["metadata"]["hyperscope"]["needs"]):
        claim(not os.path.exists("%s/%s.html" % (books, name)), "%s: a notebook without its CSV has no page" % name)
        continue
    page = open("%s/%s.html" % (books, name), encoding="utf-8").read()
    figures = ["".join(found["source"]).count("notebook.show(") for found in book["cells"] if found["cell_type"] == "code"]
    shown = [base64.b64decode(text).decode() for text in re.findall(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]*)"', page)]
    claim(len(shown) == sum(figures) and all(text.count("<path") > 20 for text in shown),
          "%s: each of its %d figures is in the page and not empty" % (name, sum(figures)), len(shown))
    files = glob.glob("%s/%s.*.svg" % (books, name))
    claim(len(files) == sum(figures) and all(os.path.getsize(file) > 10000 for file in files), "%s: each of its figures is in a file" % name, files)
    number = dict((line.split()[0], float(line.split()[1])) for line in open("%s/%s.numbers" % (books, name), encoding="utf-8"))
    pairs = list(expected[name](number))
    wrong = [(key, value, number.get(key)) for key, value in pairs if not math.isclose(number.get(key, math.nan), value, rel_tol=1e-4)]
    claim(pairs and not wrong, "%s: its %d key numbers match the CSV" % (name, len(pairs)), *wrong)
print("1..%d" % count)
END
python3 "$tmp/look.py" "$tmp/books" >"$tmp/looked" 2>&1
ok $? "the check of the pages runs to completion" || diag "$(tail -n 3 "$tmp/looked")"
relay "$(<"$tmp/looked")"
done_testing
