# SPDX-License-Identifier: MIT
"""folder.py - a lab's folder: labs/NN-name with lab.toml, tests, variant.py.

lab.toml has number, name, title, hours, files (which a student hands in), and
[[test]] with id, points, what, hidden, seconds (a time limit), and budget to count instructions (budget.py);
[[starter]] with file, region, text: text that replaces the stop in a region of the starter;
[[insert]] with file, before, text: part of a variant's solution that is not in the source, or, with
starter = true, text that is added to both trees;
[contest] with given, leaderboard: the starter is the source and gets `given` points, and submissions are
ranked by their ratio in the test `leaderboard`.
host = "linux": the students' code is part of the Linux module. In a [[test]], host = "own": the test does not
run on Linux.
"""
import hashlib
import importlib.util
import os
import re
import string
import tomllib

from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

LABS = os.path.join(TOP, "labs")
STUDENT_MOST = 100


class Lab:
    def __init__(self, path):
        self.path = path
        self.folder = os.path.basename(path)
        file = os.path.join(path, "lab.toml")
        try:
            with open(file, "rb") as text:
                self.toml = tomllib.load(text)
        except OSError as error:
            raise LaunchError("%s: %s" % (file, error.strerror)) from None
        except tomllib.TOMLDecodeError as error:
            raise LaunchError("%s: %s" % (file, error)) from None
        for key in ("number", "name", "title", "hours", "files", "test"):
            if key not in self.toml:
                raise LaunchError("%s: %s is missing" % (file, key))
        self.number, self.name = self.toml["number"], self.toml["name"]
        self.title, self.hours = self.toml["title"], self.toml["hours"]
        self.files, self.tests = self.toml["files"], self.toml["test"]
        self.host = self.toml.get("host", "own")
        self.contest = self.toml.get("contest", {})
        if self.folder != "%02d-%s" % (self.number, self.name):
            raise LaunchError("%s: number %d and name '%s' do not match the folder's name" % (file, self.number, self.name))

    def test_file(self, test):
        return os.path.join(self.path, "hidden" if test.get("hidden") else "tests", test["id"] + ".t")

    def variant(self, student, key=""):
        """Return the values with which this student's tree is made, a dict for lab.json, or {} if the lab has no
        variants. A student's values never change. With the instructor's key, values for hidden tests are added."""
        if not is_student(student):
            raise LaunchError("%s: not a student's name: %d characters at most, all of them printable"
                              % (ascii(student[:STUDENT_MOST]), STUDENT_MOST), STATUS_USAGE)
        file = os.path.join(self.path, "variant.py")
        if not os.path.exists(file):
            return {}
        spec = importlib.util.spec_from_file_location("variant_%02d" % self.number, file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made = dict(module.variant(Draw("lab %d of %s" % (self.number, student))))
        if key and hasattr(module, "hidden"):
            made.update(module.hidden(Draw("lab %d of %s, %s" % (self.number, student, key)), made))
        return made

    def starter_texts(self, path):
        return [(s["region"], s["text"]) for s in self.toml.get("starter", []) if s["file"] == path]

    def inserts(self, variant, whole):
        """Return (file, before, text) for each [[insert]], with the variant's values in the text: all of them for the
        solution (WHOLE), otherwise only those that the starter also has."""
        return [(i["file"], i["before"], fill(i["text"], variant))
                for i in self.toml.get("insert", []) if whole or i.get("starter")]


def is_student(name):
    return isinstance(name, str) and len(name) <= STUDENT_MOST and name.isprintable()


class Draw:
    """Pseudorandom values that depend only on a seed, not on Python's version or the machine."""

    def __init__(self, seed):
        self.seed, self.count = seed, 0

    def below(self, limit):
        self.count += 1
        text = "%s/%d" % (self.seed, self.count)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % limit

    def among(self, values):
        return values[self.below(len(values))]

    def some(self, values, count):
        """Return COUNT of the values, in random order."""
        left = list(values)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def fill(text, variant):
    """Replace each ${NAME} with the variant's value; integers greater than 9 are written in hexadecimal."""
    values = {k: "0x%x" % v if isinstance(v, int) and v > 9 else str(v) for k, v in variant.items()}
    return string.Template(text).safe_substitute(values)


def all_labs():
    return [Lab(os.path.join(LABS, name)) for name in sorted(os.listdir(LABS))
            if re.match(r"\d\d-", name) and os.path.exists(os.path.join(LABS, name, "lab.toml"))]


def find(number):
    """Return the lab with this number, such as "3" or "03"."""
    labs = all_labs()
    for lab in labs:
        if re.fullmatch("[0-9]{1,4}", str(number)) and lab.number == int(number):
            return lab
    raise LaunchError("there is no lab %s; known labs: %s"
                      % (number, ", ".join("%d %s" % (lab.number, lab.name) for lab in labs)),
                      STATUS_USAGE)
