# SPDX-License-Identifier: MIT
"""check-order - check that subsystems refer to each other in one direction.

A file may include headers of its own subsystem and of those below it. Its
object file may refer only to symbols of these subsystems. From top to bottom,
the subsystems are:

  src/kvm   uapi, irqchip, exit, sbi, vcpu, mmu, and the files directly in
            src/kvm
  src/host  boot, the files directly in src/host, dev, proc, fs and file, trace,
            mm, sched, platform, lib and libc

In src/kvm, a lower subsystem calls a higher one through a table of functions
(struct exit_ops). In src/host, some references point upwards, as in most
kernels. UPWARD lists them, each with its reason; a reference that is not in the
list is an error, and so is an entry that no reference needs. All subsystems may
use what src/include/hv declares, the interface between the two trees.
"""
import glob
import os
import re
import subprocess

from hs.parser import of_command
from hs.paths import TOP

# From top to bottom; folders of one level may refer to each other.
ORDER = {
    "src/kvm": (("uapi",), ("irqchip",), ("exit",), ("sbi",), ("vcpu",), ("mmu",), ("",)),
    "src/host": (("boot",), ("",), ("dev",), ("proc",), ("fs", "file"), ("trace",), ("mm",), ("sched",), ("platform",),
                 ("lib", "libc")),
}
# (tree, lower folder, higher folder): (reason, symbols of the higher folder that the lower folder may use)
UPWARD = {
    ("src/host", "proc", "dev"): ("the table of system calls", {"sys_sync"}),
    ("src/host", "fs", "dev"): ("syncfs is sync", {"sys_sync"}),
    ("src/host", "fs", "proc"): (
        "procfs shows processes, and a relative path begins at the process's folder",
        {"all_processes", "all_processes_lock", "process_cwd", "process_find", "process_get", "process_path",
         "process_put", "rlimits_show"}),
    ("src/host", "file", "proc"): (
        "ppoll and epoll_pwait set the signal mask, and a write to a broken pipe sends SIGPIPE",
        {"signal_mask_restore", "signal_mask_set_user", "signal_send_process"}),
    ("src/host", "mm", "proc"): (
        "when memory runs out, a process is killed", {"oom_nr_ending", "oom_round", "oom_round_ended", "oom_wait"}),
    ("src/host", "mm", "fs"): (
        "an area's pages are a file's; the limits of memory are files of /proc and /sys",
        {"inode_alloc", "inode_open", "inode_put", "pseudo_make", "ram_file_create", "ram_file_pages", "ram_file_set_huge",
         "ram_file_truncate", "ram_huge_file_ops", "text_add"}),
    ("src/host", "mm", "file"): (
        "an area's pages are a file's, and userfaultfd() creates a file",
        {"fd_get", "fd_install_new", "file_alloc", "file_kread", "file_put", "file_size"}),
    ("src/host", "sched", "boot"): ("the entry of a hart that is started", {"start_secondary"}),
    ("src/host", "sched", "proc"): (
        "a trap from user mode leads to system calls, signals and restartable sequences, and a signal ends a sleep",
        {"rseq_update", "signal_fault", "syscall_dispatch", "syscall_finish", "thread_sleep_ends", "user_return_work"}),
    ("src/host", "sched", "mm"): (
        "threads and harts are allocated, a switch changes the page table, and a page fault is a trap",
        {"kernel_root", "kfree", "kmalloc", "kstack_alloc", "kstack_free", "mm_activate", "mm_fault", "page_boot_alloc"}),
    ("src/host", "sched", "trace"): ("the timer's interrupt takes a sample", {"trace_sample_kernel"}),
    ("src/host", "platform", "sched"): (
        "a fence goes to all harts, and several harts need more of the firmware", {"harts", "nr_possible_harts"}),
    ("src/host", "platform", "trace"): ("a panic prints the last events", {"trace_dump"}),
    ("src/host", "lib", "dev"): ("the log goes to the UART", {"uart_write", "uart_force_unlock"}),
}
UPWARD_INCLUDES = {
    ("src/kvm/kvm.h", "mmu/gstage.h"),  # struct kvm contains a struct gstage
    ("src/host/sched/thread.h", "proc/signal.h"),  # struct thread contains a struct thread_signals
    ("src/host/trace/trace_sample.c", "proc/process.h"),  # a sample names the process
}
EPILOG = """\
exit status: 0; 1 a reference points upwards; 2 usage error; 77 the kernel's
objects are not built, so only includes were checked"""


def level(tree, path):
    """Return the level of PATH, an index into ORDER[tree], or None if PATH is in no subsystem. PATH is relative to
    the tree or to the folder of the tree's objects."""
    folder = os.path.dirname(path)
    return next((number for number, folders in enumerate(ORDER[tree]) if folder in folders), None)


def allowed(tree, path, target):
    """Return the symbols in the folder of TARGET to which PATH may refer, although TARGET is higher."""
    return UPWARD.get((tree, os.path.dirname(path), os.path.dirname(target)), ("", ()))[1]


def bad_includes(root, tree):
    for path in sorted(glob.glob("%s/%s/**/*.[chS]" % (root, tree), recursive=True)):
        name, below = os.path.relpath(path, root), os.path.relpath(path, os.path.join(root, tree))
        own = level(tree, below)
        if own is None:
            yield "%s is not in a subsystem; known subsystems: %s" % (
                name, ", ".join(folder for folders in ORDER[tree] for folder in folders if folder))
            continue
        with open(path, encoding="utf-8") as source:
            for number, line in enumerate(source, 1):
                match = re.match(r'\s*#\s*include\s+"((?:\w+/)?\w+\.(?:h|def))"', line)
                target = match and match.group(1)
                if not target or not os.path.exists(os.path.join(root, tree, target)):
                    continue
                if level(tree, target) < own and (name, target) not in UPWARD_INCLUDES \
                        and (name.endswith(".h") or not allowed(tree, below, target)):
                    yield "%s:%d: %s belongs to a higher subsystem" % (name, number, target)


def symbols(folder, paths):
    """Return, for each of the objects, the symbols that it defines, and those that it refers to."""
    found = {path: (set(), set()) for path in paths}
    if not found:
        return found
    listing = subprocess.run(["nm", "--print-file-name"] + sorted(found), cwd=folder, stdout=subprocess.PIPE, check=True)
    for line in listing.stdout.decode().splitlines():
        path, _, symbol = line.partition(":")
        kind, name = symbol.split()[-2:]
        if kind in "TDBRVWCSG":
            found[path][0].add(name)
        elif kind == "U":
            found[path][1].add(name)
    return found


def interface(root):
    """Return the names that src/include/hv declares, which all subsystems of both trees may use."""
    found = set()
    for path in glob.glob(root + "/src/include/hv/*"):
        with open(path, encoding="utf-8") as source:
            code = re.sub(r"/\*.*?\*/|//[^\n]*", "", source.read(), flags=re.DOTALL)
        found.update(re.findall(r'(\w+)[("]', code))
        for declaration in re.findall(r"^extern ([^;(]*);", code, re.MULTILINE):
            found.update(re.findall(r"\w+", declaration))
    return found


def bad_symbols(root, tree, folder):
    """Yield the upward references of the objects in FOLDER, which contains SOURCE.o for each source file of the tree,
    and the entries of UPWARD that no object needs.

    FOLDER may also contain objects of sources that have been moved or removed; such objects are ignored.
    """
    paths = (os.path.relpath(path, folder) for path in glob.glob(folder + "/**/*.o", recursive=True))
    objects = symbols(folder, [path for path in paths if os.path.exists(os.path.join(root, tree, path[:-len(".o")]))])
    home = {name: path for path, (defined, _) in objects.items() for name in defined}
    shared, used = interface(root), set()
    for path, (_, wanted) in sorted(objects.items()):
        for name in sorted((wanted & set(home)) - shared):
            if level(tree, home[name]) >= level(tree, path):
                continue
            if name in allowed(tree, path, home[name]):
                used.add((tree, os.path.dirname(path), os.path.dirname(home[name]), name))
            else:
                yield "%s/%s refers to %s in %s, which belongs to a higher subsystem" % (
                    tree, path[:-len(".o")], name, home[name][:-len(".o")])
    for key, (_, names) in sorted(UPWARD.items()):
        for name in sorted(names):
            if key[0] == tree and key + (name,) not in used:
                yield "%s: nothing in %s refers to %s any more: remove it from UPWARD" % (key[0], key[1], name)


def main(argv):
    parser = of_command("check-order", __doc__, epilog=EPILOG)
    parser.add_argument("--root", metavar="DIR", default=TOP, help="the tree (this one)")
    parser.add_argument("--out", metavar="DIR", default=None, help="the tree's output folder (ROOT/build)")
    options = parser.parse_args(argv)
    found, built = [], True
    for tree in ORDER:
        if not os.path.isdir(os.path.join(options.root, tree)):
            continue
        objects = os.path.join(options.out or os.path.join(options.root, "build"), "kernel", tree)
        found += bad_includes(options.root, tree)
        if os.path.isdir(objects):
            found += bad_symbols(options.root, tree, objects)
        else:
            built = False
    for line in found:
        print(line)
    return 1 if found else 0 if built else 77
