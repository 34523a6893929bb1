# SPDX-License-Identifier: MIT
"""command - make a function a gdb command, with its docstring as the help text."""
import gdb


class Prefix(gdb.Command):
    """hyperscope's commands: VMs, vCPUs, CSRs, page tables, exits, the world switch.

    make gdb starts a machine with them; docs/gdb.md shows a session."""

    def __init__(self):
        super().__init__("hs", gdb.COMMAND_USER, gdb.COMPLETE_NONE, True)

    def invoke(self, argument, from_tty):
        if argument:
            raise gdb.GdbError("there is no command 'hs %s'; help hs lists them" % argument.split()[0])
        gdb.execute("help hs")


def command(name):
    """Return a decorator that makes fn(argument) the command "hs NAME"."""
    def make(fn):
        def invoke(_self, argument, _from_tty):
            try:
                fn(argument.strip())
            except gdb.MemoryError as error:
                raise gdb.GdbError("hs %s: memory cannot be accessed here: %s" % (name, error)) from None
            except gdb.error as error:
                raise gdb.GdbError("hs %s: %s" % (name, error)) from None
        type("Hs" + name, (gdb.Command,), {"__doc__": fn.__doc__, "invoke": invoke})(
            "hs " + name, gdb.COMMAND_USER)
        return fn
    return make


def nothing(argument, name):
    if argument:
        raise gdb.GdbError("hs %s takes no argument, but got '%s'" % (name, argument))
