# SPDX-License-Identifier: MIT
"""variant.py - lab 6: each student's own rule for the polling window.

The rule is implemented here a second time, in Python, to compute the expected results for the student's
examples and for the hidden test's waits, which are drawn from the instructor's key.
"""

US = 1000
MOST = 500 * US                # halt_poll_ns with default settings
ALL = 0xffffffff
NEAR, LATE = 4 * US, 40 * US   # the host may measure a wait as shorter or longer by this much


def next_window(rule, window, waited, most, streak):
    """Return (next window, next streak) after a wait of `waited` ns."""
    if most == 0:
        return 0, 0
    if waited > most:
        if streak + 1 < rule["patience"]:
            return window, streak + 1
        shorter = max(window - rule["minus"], 0) if rule["shrink"] else window // rule["divisor"]
        return (0 if shorter < rule["start"] else shorter), 0
    if waited > window:
        longer = window + rule["plus"] if rule["grow"] else window * rule["times"] // rule["per"]
        return min(max(longer, rule["start"]), rule["ceiling"], most), 0
    if waited * rule["early"] < window:
        return window - window // rule["part"], 0
    return window, 0


def _kind(rule, vector):
    """Return the row of YOURS.md that the wait belongs to."""
    window, waited, most, streak = vector[:4]
    if most == 0:
        return "none"
    if waited > most:
        return "too long" if streak + 1 < rule["patience"] else "shrinks"
    if waited > window:
        return "missed"
    return "early" if waited * rule["early"] < window else "other"


def _vectors(draw, rule, count):
    """Return waits of every kind, many of them at a limit, and the rule's result for each:
    (window, waited, most, streak, next window, next streak)."""
    made = []
    for _ in range(count):
        most = draw.among((MOST, 200 * US, 800 * US, ALL))
        window = draw.among((0, draw.below(rule["start"]), rule["start"], draw.below(MOST), draw.below(MOST)))
        edge = draw.among((most, window, window // rule["early"]))
        waited = draw.among((edge, edge + 1, draw.below(most + 1), draw.below(window + 1), most + draw.below(most)))
        made.append((window, waited, most, draw.below(rule["patience"])))
    long = 100 * US + draw.below(300 * US)
    made += [(long, draw.below(long), 0, 0), (long, draw.below(long // rule["early"]), MOST, 0),
             (long, MOST + 1, MOST, rule["patience"] - 1), (ALL, 1 + draw.below(US), ALL, 0)]
    # A window that would wrap around to a small number if it grew in 32 bits.
    wraps = (1 << 32) - rule["plus"] if rule["grow"] else (1 << 32) // rule["times"] + 1
    made.append((wraps + 50, wraps + 51 + draw.below(US), ALL, 0))
    return [vector + next_window(rule, *vector) for vector in made]


def _two_of_each(rule, vectors):
    kinds = [_kind(rule, vector) for vector in vectors]
    return [vector for at, vector in enumerate(vectors) if kinds[:at].count(kinds[at]) < 2]


def _text(vectors):
    return ":".join(",".join(str(number) for number in vector) for vector in vectors)


def _waits(draw, rule, count):
    """Return waits for a guest, each with the window after it: (us, ns). A wait that is a few us shorter or longer
    leads to the same window. Starting with the tenth wait, enough waits in a row are longer than MOST for the
    window to shrink."""
    window = streak = 0
    made = []
    while len(made) < count:
        us = draw.among((20 + draw.below(60), 60 + draw.below(340)))
        if 9 <= len(made) < 9 + rule["patience"] or not draw.below(6):
            us = MOST // US + 200 + draw.below(2000)
        found = {next_window(rule, window, ns, MOST, streak)
                 for ns in range(us * US - NEAR, us * US + LATE, 500)}
        if len(found) == 1:
            window, streak = found.pop()
            made.append((us, window))
    return made


def variant(draw):
    grow, shrink = draw.below(2), draw.below(2)
    times, per = draw.among(((3, 2), (5, 2), (7, 3), (4, 3), (7, 4), (8, 3)))
    made = {
        "start": 5000 + 100 * draw.below(150), "grow": grow, "times": times, "per": per,
        "plus": 20000 + 100 * draw.below(300), "ceiling": 250000 + 1000 * draw.below(180),
        "shrink": shrink, "divisor": 3 + draw.below(4), "minus": 60000 + 1000 * draw.below(90),
        "patience": 2 + draw.below(3), "early": 4 + draw.below(5), "part": 3 + draw.below(5),
    }
    plus, minus, divisor = made["plus"], made["minus"], made["divisor"]
    made["grow_words"] = "+ %d" % plus if grow else "* %d / %d" % (times, per)
    made["shrink_words"] = "- %d, but not below 0" % minus if shrink else "/ %d" % divisor
    made["start_words"], made["ceiling_words"] = str(made["start"]), str(made["ceiling"])
    made["_shrunk"] = "window > %d ? window - %d : 0" % (minus, minus) if shrink else "window / %d" % divisor
    examples = _vectors(draw, made, 48)
    made["vectors"], made["waits"] = _text(examples), _text(_waits(draw, made, 24))
    made["examples"] = "\n".join("| " + " | ".join("%d" % number for number in vector) + " |"
                                 for vector in _two_of_each(made, examples))
    return made


def hidden(draw, made):
    """Return a seed for the timers, and vectors and waits that the student does not know."""
    return {"seed": 1 + draw.below(1 << 30), "vectors": _text(_vectors(draw, made, 40)),
            "waits": _text(_waits(draw, made, 24))}
