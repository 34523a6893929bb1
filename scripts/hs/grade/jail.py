# SPDX-License-Identifier: MIT
"""jail.py - hide secrets from the compiler while it compiles a student's source.

A source file can include any file (#include, .incbin), and a guest can print what is in its image. So while the
student's tree is built, hidden tests, the key and the solution are inaccessible: the build runs in a mount
namespace where empty folders and /dev/null cover them or, where mount namespaces are not allowed (in a
container), as another user.

The hidden files could still be reached through /proc/PID/root of a process outside the mount namespace. A user
namespace prevents that. Root does not use a user namespace, but gets a /proc of a new PID namespace instead.
"""
import os
import shlex
import subprocess

from hs.errors import LaunchError

NOBODY = 65534


def _works(command):
    try:
        return subprocess.run(command + ["true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def _covering(unshare, secrets):
    steps = []
    for path in secrets:
        if os.path.isdir(path):
            steps.append("mount -t tmpfs -o size=4k,mode=755 none %s" % shlex.quote(path))
        elif os.path.exists(path):
            steps.append("mount --bind /dev/null %s" % shlex.quote(path))
    script = " && ".join(steps + ['exec "$@"'])
    return lambda top: unshare + ["sh", "-c", script, "sh"]


def _other_user(secrets):
    for path in secrets:
        if os.path.exists(path):
            os.chmod(path, 0o700 if os.path.isdir(path) else 0o600)

    def before(top):
        for at, _folders, files in os.walk(top):
            for name in [at] + [os.path.join(at, name) for name in files]:
                os.chown(name, NOBODY, NOBODY, follow_symlinks=False)
        return ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups", "--no-new-privs"]
    return before


def make(secrets):
    """Return a function that takes a tree and returns the words to put before a command, such as make, that runs in
    the tree and must not be able to read SECRETS."""
    secrets = [os.path.abspath(path) for path in secrets if os.path.exists(path)]
    if not secrets:
        return lambda top: []
    root = os.getuid() == 0
    covering = _covering(["unshare", "--mount"] + (["--pid", "--fork", "--kill-child", "--mount-proc"] if root
                                                   else ["--map-root-user"]), secrets)
    if _works(covering("")):
        return covering
    if root and _works(["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]):
        return _other_user(secrets)
    raise LaunchError("hidden tests cannot be hidden from the compiler, because this user is not root and has no user "
                      "namespaces. Grade in a container, or without --hidden in a tree that lacks labs/*/hidden")
