# SPDX-License-Identifier: MIT
"""screenshots.py - make the two screenshots of README.md, a terminal and the HTML report, as SVG.

Both are made from one run of Debian's kernel. This script draws the terminal's text. Chromium prints the
first page of the report, and pdftocairo converts it, with its letters as outlines, so the page looks the
same in every browser. Neither picture is compared with a new one, because fonts differ between machines.
"""
import os
import re
import shutil
import subprocess
from xml.sax.saxutils import escape

from hs import ends
from hs.docs.drawings import FOLDER
from hs.errors import LaunchError
from hs.paths import HYPERSCOPE, TOP

RUN = ["run", "--icount", "--command", "uname -srm"]
SHOWN = "$ scripts/hyperscope run --icount --command 'uname -srm'"
HEAD = 3        # lines of the output that are shown first
TAIL = 20       # lines of the output that are shown last
COLUMNS = 82    # longer lines are cut
LETTER, LINE, MARGIN = 7.8, 18, 16
LARGEST = 1 << 20
RUNS = os.path.join("build", "runs")  # relative, because the report shows this path
PAGE_HEIGHT = 595  # height to keep of the report's first page, in points
STYLE = ("text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#e6edf3;white-space:pre}"
         ".command{fill:#7ee787}.bold{font-weight:600}.faint{fill:#9198a1}")


def call(words, what, folder=TOP):
    """Return the output of WORDS, which must succeed. WHAT names the step in the error message."""
    done = ends.captured(words, stderr=subprocess.STDOUT, cwd=folder)
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        raise LaunchError("%s: %s ended with status %d: %s" % (what, words[0], done.returncode, text.strip()[-300:]))
    return text


def kind(line):
    """Return the class of a line: the command, the head of a table, the mark of omitted lines, or ordinary output."""
    if line.startswith("$ "):
        return "command"
    return "bold" if line.startswith("cause ") else "faint" if line == "..." else ""


def terminal(output):
    """Return the drawing of a terminal with the command and the beginning and end of its output."""
    lines = [line.rstrip() for line in output.splitlines() if not line.startswith("host:")]
    lines = [SHOWN] + lines[:HEAD] + ["..."] + lines[-TAIL:]
    width, height = 2 * MARGIN + LETTER * COLUMNS, 2 * MARGIN + LINE * len(lines)
    svg = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d">' % (width, height, width, height),
           "<title>The output of scripts/hyperscope run</title>", "<style>%s</style>" % STYLE,
           '<rect width="100%" height="100%" rx="8" fill="#0d1117"/>']
    for number, line in enumerate(lines):
        if line:
            line = line[:COLUMNS - 1] + "\u2026" if len(line) > COLUMNS else line
            svg.append('<text class="%s" x="%d" y="%d" textLength="%.1f">%s</text>'
                       % (kind(line), MARGIN, MARGIN + LINE * number + 13, LETTER * len(line), escape(line)))
    return "\n".join(svg + ["</svg>", ""])


def report(hstrace, folder):
    """Return the first page of the report on the run in FOLDER, as an SVG."""
    for tool in ("chromium", "pdftocairo"):
        if not shutil.which(tool):
            raise LaunchError("%s is not installed: run 'scripts/hyperscope setup browser'" % tool)
    page, pdf, svg = (os.path.join(folder, "report." + suffix) for suffix in ("html", "pdf", "svg"))
    call([hstrace, "html", "--out", page, os.path.join(RUNS, "last", "trace")], "the report", folder)
    call(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", "--user-data-dir=" + folder,
          "--print-to-pdf=" + pdf, "file://" + page], "the report")
    call(["pdftocairo", "-svg", "-f", "1", "-l", "1", pdf, svg], "the report")
    with open(svg, encoding="utf-8") as file:
        text = file.read()
    width = re.search(r'<svg [^>]*width="([0-9.]+)', text)
    if not width:
        raise LaunchError("the report: the SVG that pdftocairo wrote has no width")
    size = 'width="%s" height="%d" viewBox="0 0 %s %d"' % (width.group(1), PAGE_HEIGHT, width.group(1), PAGE_HEIGHT)
    return re.sub(r'(<svg [^>]*?)\s*width="[^"]*" height="[^"]*" viewBox="[^"]*"([^>]*>)',
                  r'\1 ' + size + r'\2<rect width="100%" height="100%" fill="#ffffff"/>', text, count=1)


def write(out):
    """Run the guest, and write docs/figures/terminal.svg and docs/figures/report.svg."""
    with ends.folder("screenshots.") as folder:
        os.environ["HS_RUNS"] = os.path.join(folder, RUNS)
        output = call([HYPERSCOPE] + RUN[:1] + ["--out", out] + RUN[1:], "the run")
        output = re.sub(r"^trace: .*/(run\.\d+/trace)$", r"trace: build/runs/\1", output, flags=re.MULTILINE)
        for name, svg in (("terminal", terminal(output)), ("report", report(os.path.join(out, "hstrace"), folder))):
            if len(svg.encode()) > LARGEST:
                raise LaunchError("docs/figures/%s.svg has %d bytes; at most %d are allowed" % (name, len(svg.encode()), LARGEST))
            with open(os.path.join(FOLDER, name + ".svg"), "w", encoding="utf-8") as file:
                file.write(svg)
            print("docs/figures/%s.svg" % name)
    return 0
