# SPDX-License-Identifier: MIT
"""notebooks - run the notebooks of notebooks-data/notebooks without a browser.

Each notebook writes its HTML and its figures (SVG) to OUT/notebooks; the
notebooks themselves are not changed and contain no outputs. A notebook whose
CSV file has not been measured yet is reported and skipped. The command needs
Jupyter, pandas and matplotlib from the distribution (run scripts/hyperscope
setup notebooks). To work in a notebook, use jupyter-notebook or any notebook
editor with the kernel of /usr/bin/python3.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import time

from hs import ends, layout
from hs.errors import LaunchError
from hs.parser import of_command
from hs.paths import TOP

FOLDER = os.path.join(TOP, "notebooks-data", "notebooks")
NBCONVERT = "/usr/bin/jupyter-nbconvert"  # the nbconvert of another Python would start a kernel without pandas
EXAMPLES = """\
examples:
  scripts/hyperscope notebooks         run all (make notebooks)
  scripts/hyperscope notebooks toggles
exit status: 0; 1 a notebook failed; 2 usage error; 125 none could be run
"""


def parse(words):
    parser = of_command("notebooks", __doc__, epilog=EXAMPLES)
    parser.add_argument("names", metavar="NAME", nargs="*", help="notebooks to run (all); --list shows them")
    parser.add_argument("--list", action="store_true", help="list the notebooks")
    parser.add_argument("--to", metavar="FOLDER", help="output folder for the notebooks (OUT/notebooks)")
    parser.add_timeout(300, "time limit for each cell")
    parser.add_out()
    options = parser.parse_args(words)
    options.to = os.path.abspath(options.to or os.path.join(options.out, "notebooks"))
    return options


def all_notebooks():
    """Return name -> the notebook, as a dictionary."""
    found = {}
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.ipynb"))):
        try:
            with open(path, encoding="utf-8") as file:
                found[os.path.basename(path)[:-len(".ipynb")]] = json.load(file)
        except ValueError as error:
            raise LaunchError("%s is not a notebook: %s" % (path, error)) from None
    return found


def declared(notebook, name, otherwise):
    """Return NAME from the "hyperscope" entry of the notebook's metadata, or OTHERWISE if NAME or the entry is missing, as it
    may be in a user's notebook."""
    return notebook.get("metadata", {}).get("hyperscope", {}).get(name, otherwise)


def missing(notebook):
    """Return the CSV files that the notebook needs and that do not exist."""
    return [name for name in declared(notebook, "needs", ())
            if not os.path.exists(os.path.join(TOP, "notebooks-data", name))]


def run(name, options):
    """Run a notebook. Return True if it succeeded; only then are its output files replaced."""
    made = os.path.join(options.to, ".%s.%d" % (name, os.getpid()))
    os.makedirs(made)
    environment = dict(os.environ, HS_NOTEBOOK=os.path.join(made, name), PYTHONDONTWRITEBYTECODE="1",
                       IPYTHONDIR=os.path.join(made, "ipython"))
    try:
        done = ends.captured(
            [NBCONVERT, "--to", "html", "--execute", "--ExecutePreprocessor.kernel_name=python3",
             "--ExecutePreprocessor.timeout=%d" % options.timeout, "--output-dir", made,
             os.path.join(FOLDER, name + ".ipynb")],
            env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        if done.returncode:
            output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode(errors="replace"))  # colors
            sys.stderr.write("notebooks: %s failed:\n%s\n" % (name, "\n".join(output.strip().splitlines()[-25:])))
            return False
        for old in glob.glob(os.path.join(options.to, name + ".*")):
            os.remove(old)
        for path in sorted(glob.glob(os.path.join(made, name + ".*"))):
            os.replace(path, os.path.join(options.to, os.path.basename(path)))
        return True
    finally:
        shutil.rmtree(made, ignore_errors=True)


def main(argv):
    options = parse(argv)
    there = all_notebooks()
    if options.list:
        for name, notebook in there.items():
            print(layout.row("%-14s" % name, declared(notebook, "what", "")))
        return 0
    for name in options.names:
        if name not in there:
            raise LaunchError("there is no notebook '%s'; known notebooks: %s" % (name, ", ".join(there)), 2)
    if not os.path.exists(NBCONVERT):
        raise LaunchError("%s is missing: run 'scripts/hyperscope setup notebooks'" % NBCONVERT)
    ran = failed = 0
    for name in options.names or there:
        lacks = missing(there[name])
        if lacks:
            sys.stderr.write("notebooks: %s: skipped: notebooks-data/%s does not exist yet; notebooks-data/README.md "
                             "names the command that writes it\n" % (name, lacks[0]))
            continue
        start = time.monotonic()
        if run(name, options):
            ran += 1
            print("%s (%.0f s)" % (os.path.join(options.to, name + ".html"), time.monotonic() - start), flush=True)
        else:
            failed += 1
    return 1 if failed else 0 if ran else 125
