# SPDX-License-Identifier: MIT
"""variant.py - lab 6: the rule by which one student's window of polling gets longer and shorter.

The rule stands here once more, in Python, to say what it answers: examples for the student, and
for the hidden test others, which come from the instructor's key.
"""

US = 1000
NEAR, LATE = 4 * US, 40 * US   # a guest's wait, as the host measures it, is so much shorter or longer


def next_window(rule, window, waited, most, streak):
    """-> (the next window, the streak), of a wait of so many ns."""
    if most == 0:
        return 0, 0
    if waited > most:
        streak += 1
        if streak < rule["patience"]:
            return window, streak
        window = window // rule["divisor"] if rule["shrink"] == 0 else max(window - rule["minus"], 0)
        return (0 if window < rule["start"] else window), 0
    if waited > window:
        window = window * rule["times"] // rule["per"] if rule["grow"] == 0 else window + rule["plus"]
        return min(max(window, rule["start"]), rule["ceiling"], most), 0
    if waited * rule["early"] < window:
        return window - window // rule["part"], 0
    return window, 0


def _vectors(draw, rule, count):
    """Waits of every kind, "window,waited,most,streak,next,streak" each. Some at the edge of a kind."""
    made = []
    for at in range(count):
        most = draw.among((500 * US, 200 * US, 800 * US)) if at % 8 != 7 else draw.among((0, 0xffffffff))
        window = draw.among((0, draw.below(rule["start"]), rule["start"], draw.below(500 * US), draw.below(500 * US)))
        streak = draw.below(rule["patience"])
        if most == 0xffffffff and at % 16:
            window = 0xffffffff - draw.below(1000)
        edge = draw.among((most, window, window // rule["early"]))
        waited = draw.among((edge, edge + 1, draw.below(most + window + 1), draw.below(window + 1), most + draw.below(most + 1)))
        made.append((window, waited, most, streak) + next_window(rule, window, waited, most, streak))
    return made


def _kind(rule, vector):
    window, waited, most, streak = vector[:4]
    return ("none" if most == 0 else ("too long" if streak + 1 < rule["patience"] else "shrinks") if waited > most else
            "missed" if waited > window else "early" if waited * rule["early"] < window else "other")


def _two_of_each(rule, vectors):
    kinds = [_kind(rule, vector) for vector in vectors]
    return [vector for at, vector in enumerate(vectors) if kinds[:at].count(kinds[at]) < 2]


def _text(vectors):
    return ":".join(",".join(str(number) for number in vector) for vector in vectors)


def _waits(draw, rule, most, count):
    """Waits for a guest to make, "us,window" each: such that what comes does not hang on some us."""
    window = streak = 0
    made = []
    while len(made) < count:
        us = draw.among((20 + draw.below(60), 20 + draw.below(60), 60 + draw.below(340), 60 + draw.below(340),
                         most // US + 200 + draw.below(2000)))
        found = {next_window(rule, window, ns, most, streak) for ns in
                 range(us * US - NEAR, us * US + LATE, 500)}
        if len(found) == 1:
            window, streak = found.pop()
            window = min(window, most)
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
    made["_grown"] = ("(u64)window * %d / %d" % (times, per)) if grow == 0 else "(u64)window + %d" % made["plus"]
    made["_shrunk"] = "window / %d" % made["divisor"] if shrink == 0 else \
        "window > %d ? window - %d : 0" % (made["minus"], made["minus"])
    made["grow_words"] = "`window` * %d / %d" % (times, per) if grow == 0 else "`window` + %d" % made["plus"]
    made["shrink_words"] = "`window` / %d" % made["divisor"] if shrink == 0 else \
        "`window` - %d, but not below 0" % made["minus"]
    made["start_words"], made["ceiling_words"] = str(made["start"]), str(made["ceiling"])
    examples = _vectors(draw, made, 48)
    made["vectors"], made["waits"] = _text(examples), _text(_waits(draw, made, 500 * US, 24))
    made["examples"] = "\n".join("| " + " | ".join("%d" % number for number in vector) + " |"
                                 for vector in _two_of_each(made, examples))
    return made


def hidden(draw, made):
    """Other waits, and a seed for the timers."""
    return {"seed": 1 + draw.below(1 << 30), "vectors": _text(_vectors(draw, made, 40)),
            "waits": _text(_waits(draw, made, 500 * US, 24))}
