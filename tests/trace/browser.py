#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""browser.py - test a page of `hstrace html` in Chromium: clicks, keys, zoom, search, printing.

usage: browser.py HSTRACE TRACE...

The TRACEs are, in order: a run, another run, one of 10^6 events, one with hostile text, and any
others, whose pages only have to open. Prints TAP without a plan.
"""
import os
import subprocess
import sys
import tempfile

from report_page import Page, stat_rows
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

OPEN_SECONDS = 3.0  # processor time that opening a page of 10^6 events may take


def ok(condition, name, got=""):
    print("%s - %s" % ("ok" if condition else "not ok", name))
    if not condition:
        print("# got: %s" % (str(got).replace("\n", "\n# ")))
    sys.stdout.flush()


def is_(got, want, name):
    ok(got == want, name, "%s, want: %s" % (got, want))


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                     "--disable-background-networking", "--no-first-run"):
            options.add_argument(word)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("chromedriver"), options=options)
        self.driver.set_script_timeout(120)
        self.driver.set_page_load_timeout(300)
        self.size(1280)

    def cdp(self, command, **arguments):
        return self.driver.execute_cdp_cmd(command, arguments)

    def size(self, width):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1,
                 mobile=False)

    def media(self, media="", dark=False):
        self.cdp("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        # The page applies the new media settings at the start of the next frame, before that frame's callbacks.
        self.driver.execute_async_script("requestAnimationFrame(arguments[0])")

    def open(self, page):
        self.driver.get("file://" + page)

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def js(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def button(self, text):
        return next(b for b in self.all("#timeline button") if b.text == text)

    def rows(self, css):
        """Return the visible rows of a table, each a list of its cells' text."""
        return self.js("""return [...document.querySelectorAll(arguments[0] + ' tbody tr')]
            .filter((row) => row.offsetParent !== null)
            .map((row) => [...row.cells].map((cell) => cell.textContent.trim()));""", css)

    def window(self):
        """Return the numbers of exits in the timeline's two tables: the sum over vCPUs, and a dict by cause."""
        tables = self.js("""return [...document.querySelectorAll('#timeline details table')].slice(0, 2)
            .map((table) => [...table.tBodies[0].rows].map((row) =>
                [...row.cells].map((cell) => cell.textContent.trim())));""")

        def number(text):
            return int(text.replace(",", ""))

        return (sum(number(row[-1]) for row in tables[0]),
                {row[0]: number(row[1]) for row in tables[1]})

    def picture(self, x, y, width, height):
        """Return a picture (base64) of a part of what the window shows."""
        return self.cdp("Page.captureScreenshot",
                        clip={"x": x + self.js("return scrollX"), "y": y + self.js("return scrollY"),
                              "width": width, "height": height, "scale": 1})["data"]

    def width_needed(self):
        return self.js("return document.documentElement.scrollWidth")


def plain(text):
    """Return a number from the page in the notation of hstrace stat."""
    return text.replace(",", "").replace(" %", "%")


def exit_table(browser, stat):
    rows = {row[0]: [plain(text) for text in row[1:7]] for row in browser.rows("#exits")}
    is_({title[:23]: row for title, row in rows.items()}, stat,
        "count, share, mean, p50, p99 and max of every row are those of hstrace stat")
    counts = [int(row[0]) for row in rows.values()]
    is_(counts, sorted(counts, reverse=True), "the rows of the exit table are sorted by count")
    mean = next(b for b in browser.all("#exits th button") if b.text.strip() == "mean")
    for order, name in ((True, "a click on a heading sorts the rows by its column"),
                        (False, "a second click reverses the order")):
        mean.click()
        means = [float(plain(row[3])) for row in browser.rows("#exits")]
        is_(means, sorted(means, reverse=order), name)
    is_(mean.find_element(By.XPATH, "..").get_attribute("aria-sort"), "ascending",
        "the order is announced to screen readers")


def search(browser):
    field = browser.one("#search")
    field.send_keys("sbi")
    titles = [row[0] for row in browser.rows("#exits")]
    ok(titles and all("sbi" in title for title in titles), "a search shows only the matching rows", titles)
    ok(browser.one("#found").text.startswith("found: "), "a search shows the number of matches",
       browser.one("#found").text)
    ok(browser.all("#timeline path.faded"), "a search fades the other causes in the timeline")
    field.clear()
    field.send_keys("LSR")
    is_([row[0] for row in browser.rows("#mmio") if len(row) > 5], ["uart LSR"],
        "a register is found by its name")
    field.clear()
    field.send_keys("wfi")
    browser.button("next match").click()
    ok(" wfi" in browser.one("#timeline .readout").text, "'next match' selects an exit that matches the search",
       browser.one("#timeline .readout").text)
    first = browser.one("#timeline .readout").text
    browser.one("svg.timeline").send_keys("n")
    second = browser.one("#timeline .readout").text
    ok(" wfi" in second and second != first, "the key n selects the next exit that matches", second)
    field.clear()
    field.send_keys("x", Keys.BACKSPACE)
    is_(browser.one("#found").text, "", "clearing the search clears the number of matches")


def exit_ticks(hstrace, trace, page):
    """Return the time of each exit, in ticks since the first event."""
    run = page.run()
    text = subprocess.run([hstrace, "report", "--events", "kvm_exit", trace], stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    ticks = []
    for line in text.splitlines():
        if not line.startswith("#"):
            whole, part = line.split()[0].split(".")
            ticks.append(int(whole) * run["hz"] + int(part) * run["hz"] // 10000000 - run["first"])
    return ticks


def timeline(browser, hstrace, trace, page, stat):
    run = page.run()
    total, causes = browser.window()
    is_({title[:23]: str(n) for title, n in causes.items()}, {t: row[0] for t, row in stat.items()},
        "the whole timeline has the same exits by cause as hstrace stat")
    is_(total, sum(causes.values()), "the timeline's exits by vCPU and by cause add up to the same number")

    def seconds(ticks):
        return repr((run["first"] + ticks) / run["hz"])

    ticks = exit_ticks(hstrace, trace, page)
    parts = []
    for begin, end in ((0, run["span"] / 2), (run["span"] / 2, run["span"])):
        for at, value in enumerate((begin, end)):
            field = browser.all("#timeline input[type=number]")[at]
            browser.js("arguments[0].value = arguments[1]", field, seconds(value))
        field.send_keys(Keys.END, " ", Keys.BACKSPACE)
        browser.js("arguments[0].dispatchEvent(new Event('change'))", field)
        parts.append(browser.window()[0])
    # A bin that contains the middle is counted in both parts.
    inside = sum(tick < run["span"] / 2 for tick in ticks)
    near = sum(abs(tick - run["span"] / 2) <= run["span"] / run["bins"] for tick in ticks)
    ok(abs(parts[0] - inside) <= near and abs(parts[1] - (total - inside)) <= near,
       "selecting a part of the timeline in seconds shows that part's exits", (parts, inside, total, near))
    browser.button("all").click()
    is_(browser.window()[0], total, "the button 'all' shows the whole timeline again")
    svg = browser.one("svg.timeline")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", svg)
    ActionChains(browser.driver).move_to_element_with_offset(svg, -200, 0).click_and_hold() \
        .move_by_offset(150, 0).release().perform()
    dragged = browser.window()[0]
    ok(0 < dragged < total / 3, "dragging the mouse selects a part of the timeline", (dragged, total))
    svg.send_keys("0")
    is_(browser.window()[0], total, "the key 0 shows the whole timeline")
    svg.send_keys("+", "+")
    zoomed = browser.window()[0]
    ok(0 < zoomed < total * 0.6, "the key + zooms in", (zoomed, total))
    svg.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    ok(browser.one("#timeline .readout").text.startswith("At "), "the arrow keys select a column and describe it in words",
       browser.one("#timeline .readout").text)
    svg.send_keys(Keys.PAGE_DOWN, "-", "-", "0")
    browser.js("""const s = document.querySelector('#timeline select'); s.value = '1';
        s.dispatchEvent(new Event('change'));""")
    is_(browser.window()[0], sorted(run["vcpus"], key=lambda v: v["vcpu"])[1]["exits"],
        "selecting one vCPU shows only the exits of that vCPU")


def slowest(browser):
    button = browser.one("#slowest td button")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    lines = browser.js("""return [...document.querySelectorAll('#slowest div[role=status] tbody tr')]
        .map((row) => row.cells[4].textContent);""")
    is_((lines[0], lines[-1]), ("kvm_exit", "kvm_entry"), "a slow exit shows its events from exit to entry")


def reading(browser, page):
    browser.open(page)
    reached, seen = False, []
    for _ in range(150):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(browser.js("return document.activeElement.getAttribute('class') || "
                               "document.activeElement.id || document.activeElement.tagName"))
        if seen[-1] == "timeline":
            reached = True
            break
    ok(reached and "search" in seen and "theme" in seen, "Tab reaches search, theme, tables and timeline", seen)
    is_(browser.js("""return [...document.querySelectorAll('svg[role], .scroll, table, input, select')]
        .filter((e) => !e.getAttribute('aria-label') && !(e.labels && e.labels.length)).length"""), 0,
        "every drawing, table and field has an accessible name")
    is_(browser.js("""return [...document.querySelectorAll('a[href^="#"]')].filter((a) =>
        !document.getElementById(a.hash.slice(1))).length"""), 0, "every link leads to a section")
    for width in 1280, 800, 400:
        browser.size(width)
        browser.open(page)
        ok(browser.width_needed() <= width, "at %d pixels the page does not scroll sideways" % width,
           browser.width_needed())
    browser.size(1280)


def phone(browser, page):
    browser.cdp("Emulation.setTouchEmulationEnabled", enabled=True)
    browser.size(390)
    for dark in False, True:
        browser.media(dark=dark)
        browser.open(page)
        theme = "dark" if dark else "light"
        ok(browser.width_needed() <= 390, "on a phone, the %s page does not scroll sideways" % theme,
           browser.width_needed())
        box = browser.one("#exits .scroll")
        browser.js("arguments[0].scrollIntoView({block: 'center'})", box)
        # The margin above the table has only the box's background, with the shadow at its right end.
        place = browser.js("const r = arguments[0].getBoundingClientRect(); return [r.right - 8, r.top + 1];", box)
        blank = browser.picture(2, place[1], 4, 4)
        shown = browser.picture(*place, 4, 4)
        names = browser.js("return arguments[0].querySelector('tbody th').getBoundingClientRect().left", box)
        browser.js("arguments[0].scrollLeft = arguments[0].scrollWidth", box)
        scrolled = browser.js("return arguments[0].scrollLeft", box)
        ok(scrolled > 0 and shown != blank and browser.picture(*place, 4, 4) == blank,
           "%s: a shadow marks the hidden columns of a table, until they have been scrolled to" % theme, scrolled)
        is_(browser.js("return arguments[0].querySelector('tbody th').getBoundingClientRect().left", box), names,
            "%s: the first column stays in view while a table scrolls" % theme)
    browser.media()
    is_(browser.js("""return [...document.querySelectorAll('button, input, select, nav a, summary')]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 44).map((e) => e.textContent)"""), [],
        "on a touch screen, everything that can be touched is at least 44 pixels high")
    browser.js("arguments[0].scrollIntoView({block: 'center'})", browser.one("svg.timeline"))
    at = browser.js("""const r = document.querySelector('svg.timeline').getBoundingClientRect();
        return [r.left + r.width / 2, r.top + 30];""")
    browser.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": at[0], "y": at[1]}])
    browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    ok(browser.one("#timeline .readout").text.startswith("At "), "a touch selects a column of the timeline",
       browser.one("#timeline .readout").text)
    total = browser.window()[0]
    browser.cdp("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": at[0], "y": at[1]}])
    for x in 20, 40, 60:
        browser.cdp("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": at[0] + x, "y": at[1]}])
    browser.cdp("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
    ok(browser.window()[0] < total / 2, "dragging a finger sideways selects a part of the timeline",
       (browser.window()[0], total))
    browser.cdp("Emulation.setTouchEmulationEnabled", enabled=False)
    browser.size(1280)


def themes(browser, page):
    def color():
        return browser.js("return getComputedStyle(document.body).backgroundColor")

    browser.open(page)
    light = color()
    browser.media(dark=True)
    ok(color() != light, "the page is dark if the system's theme is", color())
    for theme, want in ("light", light), ("dark", color()):
        browser.js("""const s = document.getElementById('theme'); s.value = arguments[0];
            s.dispatchEvent(new Event('change'));""", theme)
        is_(color(), want, "theme %s can be chosen" % theme)
    browser.media("print", dark=True)
    is_(color(), light, "the printed page is light")
    browser.js("window.dispatchEvent(new Event('beforeprint'))")
    is_(browser.js("return [...document.querySelectorAll('details')].every((e) => e.open)"), True,
        "printing opens all details")
    is_(browser.js("return getComputedStyle(document.querySelector('.bar')).display"), "none",
        "the printed page has no controls")
    browser.js("document.body.style.width = '600px'")  # without redrawing, as when printing begins
    ok(browser.js("return document.querySelector('svg.timeline').getBoundingClientRect().width") <= 600,
       "the printed timeline shrinks to the page")
    browser.size(718)  # A4 within its margins
    browser.open(page)
    ok(browser.width_needed() <= 718, "the printed page is no wider than the paper", browser.width_needed())
    browser.size(1280)
    pdf = browser.cdp("Page.printToPDF", preferCSSPageSize=True)["data"]
    ok(len(pdf) > 50000, "the page prints to a PDF file", len(pdf))
    browser.media()


def million(browser, page):
    """Measure the processor time, not the elapsed time, of opening the page: reading, parsing and drawing."""
    browser.cdp("Performance.enable", timeDomain="threadTicks")
    before = {m["name"]: m["value"] for m in browser.cdp("Performance.getMetrics")["metrics"]}
    browser.open(page)
    after = {m["name"]: m["value"] for m in browser.cdp("Performance.getMetrics")["metrics"]}
    took = after["TaskDuration"] - min(before["TaskDuration"], after["TaskDuration"])
    load = browser.js("return performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    print("# 10^6 events: %d bytes, open after %.2f s, %.2f s of processor time"
          % (os.path.getsize(page), load, took))
    ok(0 < took < OPEN_SECONDS, "a page of 10^6 events opens in less than %g s" % OPEN_SECONDS, took)
    ok(browser.all("svg.timeline path"), "the timeline of 10^6 events is drawn")


def two_runs(browser, page, stats):
    browser.open(page)
    rows = browser.rows("#exits")
    for number, column in (0, 1), (1, 2):
        got = {row[0][:23]: plain(row[column]) for row in rows if row[column] != "0"}
        is_(got, {title: row[0] for title, row in stats[number].items()},
            "on a page of two runs, run %s has its own counts" % "AB"[number])
    is_(len(browser.all("svg.timeline")), 2, "on a page of two runs, each has its own timeline")
    is_(browser.width_needed(), 1280, "two timelines fit side by side")


def hostile(browser, page):
    browser.open(page)
    is_(browser.js("return [document.scripts.length, document.querySelectorAll('main b, main script').length]"),
        [5, 0], "hostile text does not create elements")
    ok("</script>" in browser.one("#provenance").text, "hostile text is shown as text")


def main():
    hstrace, traces = sys.argv[1], sys.argv[2:]
    folder = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(traces[0])))

    def make(*files):
        page = os.path.join(folder, "page%d.html" % len(os.listdir(folder)))
        subprocess.run([hstrace, "html", "--out", page, *files], check=True)
        return page

    def stat(trace):
        return stat_rows(subprocess.run([hstrace, "stat", trace], stdout=subprocess.PIPE,
                                        check=True).stdout.decode())

    browser = Browser()
    try:
        page = make(traces[0])
        browser.open(page)
        ok(browser.driver.title.startswith("hyperscope report"), "the page opens", browser.driver.title)
        table = stat(traces[0])
        exit_table(browser, table)
        search(browser)
        timeline(browser, hstrace, traces[0], Page(page), table)
        slowest(browser)
        reading(browser, page)
        phone(browser, page)
        themes(browser, page)
        two_runs(browser, make(*traces[:2]), [table, stat(traces[1])])
        million(browser, make(traces[2]))
        hostile(browser, make(traces[3]))
        for trace in traces[4:]:
            browser.open(make(trace))
            ok(browser.all("#provenance tbody tr"), "%s opens" % os.path.basename(trace))
        is_(browser.complaints(), [], "Chromium does not log any messages")
    finally:
        browser.driver.quit()


if __name__ == "__main__":
    main()
