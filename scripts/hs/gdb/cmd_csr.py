# SPDX-License-Identifier: MIT
"""cmd_csr - the command hs csr."""
from . import csr, snapshot, vm
from .command import command
from .target import Problem, is_virtual, need_machine, register


@command("csr")
def show(argument):
    """Explain a CSR: its value in this hart, its fields, and the paragraph that defines it.

    usage: hs csr NAME            explain the value in the selected hart
           hs csr NAME VALUE      explain VALUE

    While a guest runs here (V=1), the s-registers are the guest's, so its vs-registers are read from
    them, and the host's s-registers are not accessible."""
    name, _, text = argument.partition(" ")
    known = csr.sources()
    if name not in known:
        raise Problem("there is no CSR '%s'" % name if name else "name a CSR, as in: hs csr hstatus")
    if text:
        value, where = vm.number(text, "value"), ""
    else:
        value, where = _here(name)
    print("%s = 0x%x%s  [%s]" % (name, value, where, known[name]))
    for line in csr.decode(name, value):
        print(line)


def _here(name):
    need_machine()
    asked, note = name, ""
    if is_virtual():
        if name in snapshot.S_OF_VS:
            asked = snapshot.S_OF_VS[name]
        elif name in snapshot.S_OF_VS.values():
            raise Problem("a guest runs here, so %s is the guest's (v%s), and the host's cannot be read" %
                          (name, name))
        note = ", while the guest runs"
    value = register(asked)
    if value is None:
        raise Problem("%s cannot be read through QEMU's debugger, or this processor has none; "
                      "hs csr %s VALUE explains a value" % (name, name))
    return value, note
