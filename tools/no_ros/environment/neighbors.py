"""What an environment beside this one has already: linked, so that it is on disk once."""

from __future__ import annotations

import json
import os
from pathlib import Path
import sys

from virtual_environment import answer, VirtualEnvironment

# Runs on the neighbor: the files of a package and of all that it needs, its metadata last, so that
# a half of it does not look like a whole.
_FILES = """
import importlib.metadata, json, pathlib, re, sys, sysconfig
root = pathlib.Path(sysconfig.get_path('purelib'))
wanted, found = [{name!r}], {{}}
while wanted:
    name = wanted.pop()
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        continue  # for another system or Python, or an extra
    if name in found or pathlib.Path(package.locate_file('')) != root:
        continue
    files = [str(f) for f in package.files or () if '..' not in f.parts and f.locate().is_file()]
    found[name] = sorted(files, key=lambda file: '.dist-info' in file)
    wanted += [re.match(r'[\\w.-]+', line).group() for line in package.requires or ()]
print(json.dumps([sys.version, found]))
"""


def link_from_neighbor(name: str, environment: VirtualEnvironment) -> Path | None:
    """Link an installed package and what it needs into an environment.

    Hard links: each environment stays whole if the other is removed, and pip, which replaces
    files and never writes into them, does not see a difference. Commands (bin/) are left out:
    they name the Python they belong to.

    Returns:
        The folder of the environment that had it; None if there is none for this Python, or if it
        lies on another disk.
    """
    for folder in sorted(environment.folder.parent.glob('.venv*')):
        neighbor = VirtualEnvironment(folder)
        if folder == environment.folder or not neighbor.is_finished():
            continue
        told = answer(neighbor.python, _FILES.format(name=name))
        version, packages = json.loads(told) if told else ('', {})
        if version == sys.version and name in packages:
            try:
                _link(packages, neighbor.packages(), environment.packages())
            except OSError:
                continue
            return folder
    return None


def _link(packages: dict[str, list[str]], source: Path, target: Path) -> None:
    # What something else needs comes first: the package itself is there when all of it is.
    for files in reversed(packages.values()):
        for file in files:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            if not (target / file).exists():
                os.link(source / file, target / file)
