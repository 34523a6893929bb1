# SPDX-License-Identifier: MIT
"""event.py - `hyperscope new event`: a trace event, from its call in the source to its claim in a test.

An event is registered in trace/events.def (its only declaration), in the list of docs/trace.md (which
trace/doc.py writes), and in a row of tests/boot/events.t, which triggers every event and checks its fields.
"""
import re

from hs.errors import LaunchError
from . import code, names
from .tree import refuse

SUMMARY = "a trace event, recorded at a place in the source"
EXAMPLE = """\
hyperscope new event kvm_wfi_count \\
    --at 'src/kvm/vcpu/wfi.c:/wfi_exit_stat/' \\
    --meaning 'how many WFIs of this vCPU have exited' \\
    --field 'num:count=vcpu->stats.wfi_exit_stat'"""
NOTES = """\
There are one to five fields, KIND:NAME=EXPRESSION. KIND is one of those in
trace/events.def (hex, num, dec, flag, cause, ...); EXPRESSION can use what is
in scope at that line, and is not evaluated while the event is off. A place is
given as in the docs' references: the only line that the regular expression
matches."""

TABLE, ROWS, GROUPS = "trace/events.def", "tests/boot/events.t", "src/host/trace/trace_event.c"
MOST_FIELDS = 5
SEEN = {"hex": "0x[0-9a-f]+", "num": "[0-9]+", "dec": "-?[0-9]+", "flag": "[01]", "text": ".*"}


def arguments(parser):
    parser.add_argument("--at", required=True, metavar="FILE:/REGEX/",
                        help="insert the call after this line of src/kvm or src/host")
    parser.add_argument("--meaning", required=True, metavar="TEXT", help="what has happened when the event is recorded")
    parser.add_argument("--field", action="append", required=True, metavar="KIND:NAME=EXPRESSION", dest="fields",
                        help="a field of the event's records (may be repeated)")
    parser.add_argument("--spec", metavar="'H §5.1'",
                        help="the paragraph that defines it (docs/spec.md), KVM or host; default: KVM or host, by its folder")
    parser.add_argument("--every-exit", action="store_true",
                        help="while the event is on, disable the fast path, which would bypass it")
    parser.add_argument("--by", metavar="TEXT", help="what triggers it in tests/boot/events.t; default: the place")
    parser.add_argument("--seen", metavar="REGEX",
                        help="what one of its records there must match, or native; default: fields of these kinds")


def kinds(tree):
    return tree.names("src/include/hv/trace_fields.h", r"^#define TRACE_TYPE_(\w+)")


def parse_fields(tree, texts):
    known, fields = kinds(tree), []
    if len(texts) > MOST_FIELDS:
        refuse("%d fields: a record holds %d at most" % (len(texts), MOST_FIELDS))
    for text in texts:
        found = re.fullmatch(r"(\w+):(\w+)=(.+)", text.strip())
        if not found:
            refuse("--field '%s': not of the form KIND:NAME=EXPRESSION" % text)
        kind, name, value = found.groups()
        if kind not in known:
            refuse("--field '%s': there is no kind '%s'; known kinds: %s" % (text, kind, ", ".join(known)))
        if name != "errno":  # Linux's kvm_userspace_exit has a field of this name, and hv/trace.h allows it
            names.check(name, "a field", "gpa")
        if name in [known_name for _, known_name, _ in fields]:
            refuse("--field '%s': there is a field '%s' already" % (text, name))
        fields.append((kind, name, value.strip()))
    return fields


def check_spec(tree, spec):
    if spec not in ("KVM", "host") and \
            spec not in tree.names("docs/spec.md", r"^\|\s*((?:[\w ]+) §[\d.]+|[A-Z]\w+)\s*\|"):
        refuse("--spec '%s': neither KVM nor host nor a paragraph of docs/spec.md" % spec)


def row(name, meaning, spec, fields):
    """Return the event's row of the table, wrapped at code.COLUMNS."""
    lines = ['EVENT(%s, "%s"' % (name, meaning)]
    for text in ['"%s"' % spec] + ["(%s, %s)" % field[:2] for field in fields]:
        if len(lines[-1]) + len(text) + 3 > code.COLUMNS:
            lines[-1] += ","
            lines.append("      " + text)
        else:
            lines[-1] += ", " + text
    return "\n".join(lines) + ")"


def declare(tree, name, meaning, fields, spec, host=False):
    """Add the event to trace/events.def, and have docs/trace.md generated again. The caller adds the call in the
    source and the row in the test."""
    if name in tree.names(TABLE, r"^EVENT\(\s*(\w+)"):
        refuse("there is an event '%s' already: trace/events.def" % name)
    line = row(name, meaning, spec, fields)
    if host:
        tree.texts[TABLE] = tree.read(TABLE).rstrip("\n") + "\n" + line + "\n"
    else:
        tree.insert(TABLE, tree.find(TABLE, r"^/\* ---- the host itself") - 1, line)
    tree.generate("docs/trace.md", "trace/doc.py")


def claim(tree, name, how, seen):
    """Add a row to the test that triggers every event."""
    if "|" in seen.replace("\\|", ""):
        refuse("--seen '%s': write \\| for |, which separates columns in tests/boot/events.t" % seen)
    tree.replace(ROWS, r"^([a-z0-9_]+\|[^'\n]*)'$", lambda match: "%s\n%s|%s|%s'" % (match.group(1), name, how, seen))


def on_every_exit(tree, name):
    """Add an event to the group whose events disable the fast path: the first row of group_members."""
    found = re.search(r"^static const u16 group_members.*\n(\t\{ [^}]*\}),$", tree.read(GROUPS), re.M)
    if not found:
        raise LaunchError("%s: group_members is not as expected" % GROUPS)
    members = re.findall(r"TRACE_\w+", found.group(1))
    members.insert(-1, "TRACE_" + name)
    lines = ["\t{ " + members[0]]
    for member in members[1:]:
        if code.width(lines[-1]) + len(member) + len(",  },") > code.COLUMNS:
            lines[-1] += ","
            lines.append("\t  " + member)
        else:
            lines[-1] += ", " + member
    tree.texts[GROUPS] = tree.read(GROUPS).replace(found.group(1), "\n".join(lines) + " }", 1)


def make(tree, options):
    name = names.check(options.name, "an event", "kvm_wfi_count")
    path, index = code.place(tree, options.at, ("src/kvm/", "src/host/"))
    host = path.startswith("src/host/")
    if not host and not name.startswith(("kvm_", "gstage_")):
        refuse("'%s': events of src/kvm are called kvm_... or gstage_..." % name)
    names.check_sentence(options.meaning, "--meaning")
    fields = parse_fields(tree, options.fields)
    spec = options.spec or ("host" if host else "KVM")
    check_spec(tree, spec)
    if options.every_exit and host:
        refuse("--every-exit is for events of src/kvm: those of the host are recorded on the fast path, too")
    how = names.check_sentence(options.by or options.at.split(":")[0], "--by")

    declare(tree, name, options.meaning, fields, spec, host)
    index, indent = code.behind(tree.lines(path), index, "--at '%s'" % options.at)
    tree.insert(path, index, code.call(indent, "trace_" + name, [value for _, _, value in fields]))
    code.include(tree, path, "hv/trace.h")
    if options.every_exit:
        on_every_exit(tree, name)
    seen = options.seen or " ".join("%s=%s" % (field, SEEN.get(kind, "[^ ]+")) for kind, field, _ in fields)
    claim(tree, name, how, seen)
    return ["make", "tests/trace/table.t",
            "scripts/hyperscope run --trace %s hello && make trace" % name,
            "tests/boot/events.t    # triggers and checks every event, as --by and --seen say"]
