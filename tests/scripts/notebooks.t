#!/bin/bash
# SPDX-License-Identifier: MIT
#
# notebooks.t - the stored notebooks have no outputs, and their cells parse. A notebook whose CSV
# is missing is reported and skipped. notebooks-data/README.md lists every CSV and column.
# notebooks.slow.t runs the notebooks.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
if [ ! -d "$HS_TOP/notebooks-data/notebooks" ]; then
	echo "1..0 # SKIP there are no notebooks in this tree"
	exit 0
fi

cat >"$tmp/look.py" <<'END'
import ast, csv, glob, json, os, sys

top = os.environ["HS_TOP"]
count = 0
def claim(wrong, name):
    global count
    count += 1
    print("%s %d - %s" % ("not ok" if wrong else "ok", count, name))
    for each in wrong:
        print("#  " + str(each))

def parses(source):
    try:
        ast.parse(source)
        return True
    except SyntaxError:
        return False

paths = sorted(glob.glob(top + "/notebooks-data/notebooks/*.ipynb"))
books = {os.path.basename(path): json.load(open(path, encoding="utf-8")) for path in paths}
code = {name: [cell for cell in book["cells"] if cell["cell_type"] == "code"] for name, book in books.items()}
claim([] if set(books) >= {"exit-latency.ipynb", "toggles.ipynb", "anatomy.ipynb", "boot.ipynb", "smp-scale.ipynb", "papers.ipynb"}
      else sorted(books), "the six notebooks exist: %d" % len(books))
claim([name for name, cells in code.items() if not cells or any(cell["outputs"] or cell["execution_count"] for cell in cells)],
      "no notebook has outputs or execution counts")
claim([(name, cell["id"]) for name, cells in code.items() for cell in cells if not parses("".join(cell["source"]))],
      "every code cell parses")
claim([(name, cell["id"], line) for name, cells in code.items() for cell in cells for line in cell["source"] if len(line) > 115],
      "every line of code fits into a page without scrolling")
claim([name for name, cells in code.items() if not any("notebook.show(" in "".join(cell["source"]) for cell in cells)],
      "every notebook shows a figure")
claim([name for name, book in books.items() if book["metadata"]["kernelspec"]["name"] != "python3"
       or not book["metadata"]["hyperscope"]["needs"] or not book["metadata"]["hyperscope"]["what"]],
      "every notebook's metadata says what it needs and what it shows")

with open(top + "/notebooks-data/README.md", encoding="utf-8") as file:
    page = file.read()
wanted = {need for book in books.values() for need in book["metadata"]["hyperscope"]["needs"] if "/" not in need}
csvs = {os.path.basename(path): path for path in glob.glob(top + "/notebooks-data/*.csv")}
claim(sorted(name for name in wanted | set(csvs) if "`%s`" % name not in page), "notebooks-data/README.md names every CSV")
csvs.update({path: path for path in glob.glob(top + "/notebooks-data/papers/*/*.csv")})
columns = {column for path in csvs.values() for column in next(csv.reader(open(path, encoding="utf-8")))}
claim(sorted(column for column in columns if "`%s`" % column not in page), "notebooks-data/README.md names every column: %d" % len(columns))
def lines_of(name):
    return list(csv.DictReader(open(top + "/notebooks-data/" + name, encoding="utf-8")))
bench = {(line["system"], line["exit"], line["toggles"], line["cpu"]): float(line["p50"]) for line in lines_of("exit-latency.csv")}
sums = {}
for line in lines_of("anatomy.csv"):
    key = line["system"], line["exit"], line["toggles"], line["cpu"]
    sums[key] = sums.get(key, 0) + float(line["instructions"])
claim([(key, value, bench.get(key)) for key, value in sums.items()
       if abs(value - bench.get(key, 0)) > (1 if key[0] == "hyperscope" else 0.02 * value)],
      "each anatomy adds up to the bench's figure (else run make anatomy-csv)")
print("1..%d" % count)
END
python3 "$tmp/look.py" >"$tmp/looked" 2>&1
ok $? "the check of the stored notebooks runs to completion" || diag "$(tail -n 3 "$tmp/looked")"
relay "$(<"$tmp/looked")"

# Run `scripts/hyperscope notebooks` in a tree without measurements.
mkdir -p "$tmp/tree/notebooks-data"
cp -R "$HS_TOP/scripts" "$tmp/tree"
cp -R "$HS_TOP/notebooks-data/notebooks" "$tmp/tree/notebooks-data"
sed -i 's,^NBCONVERT = .*,NBCONVERT = "/bin/false",' "$tmp/tree/scripts/hs/commands/notebooks.py"
books()
{
	out=$("$tmp/tree/scripts/hyperscope" notebooks "$@" --out "$tmp/out" 2>&1)
	status=$?
}
books
is "$status $(grep -c ': skipped: .*\.csv does not exist yet' <<<"$out")" \
	"125 $(find "$tmp/tree/notebooks-data/notebooks" -name '*.ipynb' | wc -l)" "a notebook without its CSV is reported and skipped"
is "$(find "$tmp/out" -name '*.html' 2>/dev/null)" "" "a skipped notebook leaves no page"
echo '{"cells": [], "metadata": {}}' >"$tmp/tree/notebooks-data/notebooks/mine.ipynb"
books --list
like "$status $(grep ^mine <<<"$out")" '^0 mine *$' "a user's own notebook is listed"
echo '{"cells": [' >"$tmp/tree/notebooks-data/notebooks/mine.ipynb"
books
like "$status $out" '^125 notebooks: .*mine.ipynb is not a notebook: ' "a truncated notebook is reported"
rm "$tmp/tree/notebooks-data/notebooks/mine.ipynb"
books toggle
like "$status $out" "^2 notebooks: there is no notebook 'toggle'; known notebooks: anatomy, " "an unknown notebook is refused"
cp "$HS_TOP/notebooks-data/exit-latency.csv" "$tmp/tree/notebooks-data"
books toggles
like "$status $out" "^1 notebooks: toggles failed" "a notebook that fails is reported"
is "$(find "$tmp/out" -type f 2>/dev/null)" "" "a notebook that fails leaves no files"
done_testing
