# SPDX-License-Identifier: MIT
"""report_page.py - parse a page of `hstrace html` and the numbers of `hstrace stat`, for tests."""
import json
import re
from html.parser import HTMLParser


class _Page(HTMLParser):
    """The page as a browser parses it: its elements, links, and the text of each script."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "script":
            self.scripts.append([dict(attrs), ""])
        self.links += [value for name, value in attrs if name in ("src", "href", "data", "action")]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == "script":
            self.scripts[-1][1] += data


class Page:
    def __init__(self, path):
        with open(path, encoding="utf-8") as page:  # a page that is not UTF-8 is an error
            self.text = page.read()
        seen = _Page()
        seen.feed(self.text)
        self.tags, self.links = seen.tags, seen.links
        self.scripts = [text for attrs, text in seen.scripts if "type" not in attrs]
        data = [text for attrs, text in seen.scripts if attrs.get("id") == "data"]
        assert len(data) == 1, "exactly one script must have the data"
        self.data = json.loads(data[0])

    def run(self, number=0):
        return self.data["runs"][number]


def expand(runs):
    """Expand bins as the page's script does: -N repeats the value before it N times."""
    values = []
    for value in runs:
        values += [value] if value >= 0 else [values[-1]] * -value
    return values


def stat_rows(text):
    """Parse `hstrace stat`: title -> [count, share, mean, p50, p99, max] as printed."""
    rows = {}
    for line in text.splitlines()[2:]:
        match = re.match(r"(.{23}) +([0-9]+) +([0-9.]+%)(.*)$", line)
        if not match:
            break
        title, count, share, costs = match.groups()
        rows[title.strip()] = [count, share] + costs.split()
    return rows
