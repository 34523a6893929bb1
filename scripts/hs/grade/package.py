# SPDX-License-Identifier: MIT
"""package.py - make the autograder zip of a lab for Gradescope, with everything that grading needs."""
import os
import stat
import zipfile

from hs.bench import provenance
from hs.errors import LaunchError
from hs.lab import tree
from hs.paths import TOP

TEMPLATES = os.path.join(TOP, "scripts", "hs", "grade", "gradescope")
NAMES = ("setup.sh", "run_autograder", "Dockerfile")


def _add(archive, name, data, mode=0o644):
    info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
    info.external_attr = (stat.S_IFREG | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)


def unpack(path, folder):
    """Unpack a zip into a folder and restore the files' modes, as Gradescope does."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            os.chmod(archive.extract(info, folder), info.external_attr >> 16 & 0o777)


def make(lab, path, key=None):
    """Write the zip: the scripts, the Dockerfile and the key are at the top, the tracked files below hyperscope/.
    Other labs' folders, notebooks-data and tours are left out."""
    if not os.path.exists(os.path.join(TOP, ".git")):
        raise LaunchError("the zip can be made only in a git clone, because git lists the repository's files")
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            with open(os.path.join(TEMPLATES, name), encoding="utf-8") as file:
                _add(archive, name, file.read().replace("@LAB@", "%02d" % lab.number),
                     0o644 if name == "Dockerfile" else 0o755)
        if key:
            _add(archive, "course.key", key + "\n", 0o600)
        _add(archive, "hyperscope/.commit", provenance.commit() + "\n")
        for name in tree.tracked():
            full = os.path.join(TOP, name)
            parts = name.split("/")
            if parts[0] in ("notebooks-data", "tours") or parts[0] == "labs" and len(parts) > 2 and \
                    parts[1][:2].isdigit() and parts[1] != lab.folder:
                continue
            if os.path.isfile(full) and not os.path.islink(full):
                with open(full, "rb") as file:
                    _add(archive, "hyperscope/" + name, file.read(), os.stat(full).st_mode & 0o777)
