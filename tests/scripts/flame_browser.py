#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""flame_browser.py - check a flame graph in Chromium: zoom, keys, search, narrow windows, dark theme, printing.

usage: flame_browser.py SVG HOSTILE [SHOTS]
"""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "trace"))

from browser import Browser, is_, ok  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

FRAMES = """return [...document.querySelectorAll('.f')].filter((g) => g.style.display !== 'none').map((g) => {
    const r = g.querySelector('rect').getBBox(), t = g.querySelector('text');
    return {name: g.querySelector('title').textContent.split('\\n')[0], n: Number(g.dataset.n),
        d: Number(g.dataset.d), s: Number(g.dataset.s), x: r.x, y: r.y, w: r.width,
        label: t.textContent ? t.getBBox().width : 0, labelx: t.getBBox().x}})"""


class Graph:
    def __init__(self, browser, shots):
        self.browser, self.shots = browser, shots

    def frames(self):
        return self.browser.js(FRAMES)

    def named(self, name):
        return next(frame for frame in self.frames() if frame["name"] == name)

    def readout(self):
        return self.browser.js("return document.querySelector('.readout').textContent")

    def click(self, name):
        # Dispatch an event instead of clicking: a frame is a group, and another frame may cover its middle.
        self.browser.js("""[...document.querySelectorAll('.f')].find((g) => g.style.display !== 'none' &&
            g.querySelector('title').textContent.startsWith(arguments[0] + '\\n'))
            .querySelector('rect').dispatchEvent(new MouseEvent('click', {bubbles: true}));""", name)

    def keys(self, *keys):
        ActionChains(self.browser.driver).send_keys(*keys).perform()

    def focused(self):
        return self.browser.js("""const e = document.activeElement,
            t = e && e.querySelector('title');
            return !e ? '' : t && e !== document.documentElement ? t.textContent.split('\\n')[0] : e.localName""")

    def shot(self, name):
        if self.shots:
            data = self.browser.cdp("Page.captureScreenshot")["data"]
            with open(os.path.join(self.shots, name + ".png"), "wb") as out:
                out.write(base64.b64decode(data))


def tidy(graph, name):
    """Claim that no frames overlap, and that each label fits into its frame."""
    frames, bad = graph.frames(), []
    rows = {}
    for frame in frames:
        rows.setdefault(frame["d"], []).append(frame)
        if frame["label"] and frame["labelx"] + frame["label"] > frame["x"] + frame["w"] + 1:
            bad.append(frame)
    for row in rows.values():
        row.sort(key=lambda frame: frame["s"])
        bad += [(a, b) for a, b in zip(row, row[1:]) if a["x"] + a["w"] > b["x"] + 0.01]
    ok(not bad, name, bad[:3])


def zooming(graph, browser):
    whole = graph.named("all")["w"]
    ok(abs(whole - (1280 - 20)) < 2, "the graph is as wide as the window", whole)
    tidy(graph, "no frames overlap, and labels fit into them")
    graph.click("exit_sbi")
    zoomed, below = graph.named("exit_sbi"), graph.named("memcpy")
    ok(abs(zoomed["w"] - whole) < 1, "a click makes a frame as wide as the window", zoomed)
    ok(abs(below["w"] / zoomed["w"] - below["n"] / zoomed["n"]) < 0.01, "frames above a zoomed one are in proportion")
    ok(not any(frame["name"] == "guest kernel" for frame in graph.frames()), "frames beside a zoomed one are hidden")
    tidy(graph, "nothing overlaps in a zoomed graph")
    graph.shot("zoomed")
    graph.keys(Keys.ESCAPE)
    is_((graph.named("exit_sbi")["w"] < whole, graph.focused()), (True, "all"), "Esc zooms out")


def by_keys(graph, browser, picture):
    browser.open(picture)
    graph.keys(Keys.TAB)
    seen = []
    for _ in range(5):
        seen.append(graph.focused())
        if seen[-1] == "all":
            break
        graph.keys(Keys.TAB)
    is_(seen[:1] + seen[-1:], ["input", "all"], "Tab reaches the search and then the frames")
    graph.keys(Keys.ARROW_UP)
    first = graph.focused()
    graph.keys(Keys.ARROW_RIGHT)
    ok(first == "guest kernel" and graph.focused() == "host kernel", "arrow keys move to a callee, and to the right",
       (first, graph.focused()))
    is_(graph.readout(), "host kernel: 1,651 instructions (99.22 %)", "the readout shows the focused frame")
    graph.keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ENTER)
    is_(graph.focused(), "exit_sbi", "the up arrow moves to a callee")
    ok(abs(graph.named("exit_sbi")["w"] - graph.named("all")["w"]) < 1, "Enter zooms to the focused frame")
    graph.keys(Keys.ARROW_DOWN)
    is_(graph.focused(), "run", "the down arrow moves to the caller")
    graph.keys(Keys.ESCAPE)


def searching(graph, browser):
    graph.keys("/")
    is_(graph.focused(), "input", "the key / moves to the search")
    graph.keys("MEMCPY")
    is_(graph.readout(), "2 frames found, 98.20 % of all", "a search shows the number of frames found and their share")
    is_(len(browser.all(".f.found")), 2, "a search marks the frames found")
    graph.keys(Keys.ENTER)
    is_(graph.focused(), "memcpy", "Enter moves to the first frame found")
    graph.keys("n")
    ok("400" in graph.readout(), "n moves to the next frame found", graph.readout())
    graph.shot("found")
    graph.keys("/")
    graph.keys(*[Keys.BACKSPACE] * 6, "fib")
    is_(graph.readout(), "4 frames found, 0.72 % of all", "a recursive function is counted once")
    graph.keys(Keys.ESCAPE)
    is_(len(browser.all(".f.found, .f.other")), 0, "Esc ends the search")


def surroundings(graph, browser, picture):
    def paper():
        return browser.js("return getComputedStyle(document.querySelector('.paper')).fill")

    light = paper()
    for width in 1280, 800, 400:
        browser.size(width)
        browser.open(picture)
        needed = browser.js("return document.documentElement.getBoundingClientRect().width")
        ok(needed <= width, "at %d pixels, the graph fits the window" % width, needed)
        tidy(graph, "at %d pixels, nothing overlaps" % width)
        heads = browser.js("""return [...document.querySelectorAll('.title, .muted, .key, foreignObject')]
            .filter((e) => e.style.display !== 'none').map((e) => {
            const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]})""")
        over = [(a, b) for i, a in enumerate(heads) for b in heads[i + 1:]
                if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]]
        ok(not over, "nothing overlaps in the graph's head", over)
        graph.shot("width-%d" % width)
    browser.size(1280)
    browser.media(dark=True)
    browser.open(picture)
    ok(paper() != light, "the graph is dark on a dark system", paper())
    graph.shot("dark")
    browser.media("print", dark=True)
    is_(paper(), light, "the printed graph is light")
    is_(browser.js("return getComputedStyle(document.querySelector('foreignObject')).display"), "none",
        "the printed graph has no controls")
    pdf = browser.cdp("Page.printToPDF")["data"]
    ok(len(pdf) > 5000, "the graph can be printed", len(pdf))
    browser.media()


def hostile(graph, browser, picture):
    browser.open(picture)
    is_(browser.js("return document.querySelectorAll('script').length"), 1, "hostile names do not become elements")
    ok("<script>alert(1)</script>" in [frame["name"] for frame in graph.frames()], "hostile names are shown as text")
    graph.click("<script>alert(1)</script>")
    ok(graph.readout().startswith("<script>alert(1)</script>: 3 "), "a hostile name is shown as text in the readout", graph.readout())
    tidy(graph, "wide letters stay within their frames")
    graph.shot("hostile")


def main():
    picture, bad = (os.path.abspath(path) for path in sys.argv[1:3])
    browser = Browser()
    try:
        graph = Graph(browser, sys.argv[3] if len(sys.argv) > 3 else None)
        browser.open(picture)
        zooming(graph, browser)
        by_keys(graph, browser, picture)
        searching(graph, browser)
        surroundings(graph, browser, picture)
        hostile(graph, browser, bad)
        is_(browser.complaints(), [], "Chromium reports no errors")
    finally:
        browser.driver.quit()


if __name__ == "__main__":
    main()
