# SPDX-License-Identifier: MIT
"""parser.py - options of a command; wrong use is one sentence, and where to read more."""
import argparse
import os


class Parser(argparse.ArgumentParser):
    def parse_args(self, args=None, namespace=None):
        options, rest = self.parse_known_args(args, namespace)
        unknown = [word for word in rest if word.startswith("-")] or rest
        if unknown:
            self.error("unknown option %s" % unknown[0])
        return options

    def error(self, message):
        self.exit(2, "%s: %s; %s --help lists what there is\n"
                  % (os.path.basename(self.prog), message, self.prog))
