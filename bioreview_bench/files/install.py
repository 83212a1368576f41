"""The command that installs an optional part of this package: from a clone where this is one, else from the release."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

_PACKAGE = "bioreview-bench"


def install_command(*extras: str) -> str:
    """`pip install` of `extras` from where this package itself came from, for the environment that runs it.

    Installers record that place in `direct_url.json` (PEP 610): a folder, a repository or an archive; a release of an
    index has none. Where the `pip` on the path belongs to another environment, the command names the interpreter.
    """
    # A build leaves metadata of its own in the clone, without that file, where it is found first.
    texts = (found.read_text("direct_url.json") for found in distributions(name=_PACKAGE))
    text = next(filter(None, texts), None)
    wanted = f"[{','.join(extras)}]"
    return shlex.join([*_pip(), "install", *_requirement(json.loads(text) if text else {}, wanted)])


def _requirement(origin: dict[str, object], extras: str) -> list[str]:
    url, folder = str(origin.get("url", "")), origin.get("dir_info")
    if isinstance(folder, dict):
        path = Path(url2pathname(urlparse(url).path))
        if path.is_dir():
            target = f"{'.' if path.samefile(Path.cwd()) else path}{extras}"
            return ["-e", target] if folder.get("editable") else [target]
    elif isinstance(vcs := origin.get("vcs_info"), dict):
        asked = vcs.get("requested_revision")
        return [f"{_PACKAGE}{extras} @ {vcs.get('vcs')}+{url}{f'@{asked}' if asked else ''}"]
    elif url:
        return [f"{_PACKAGE}{extras} @ {url}"]
    return [f"{_PACKAGE}{extras}"]


def _pip() -> list[str]:
    found, here = shutil.which("pip"), sysconfig.get_path("scripts")
    if found is not None and os.path.dirname(os.path.abspath(found)) == os.path.abspath(here):
        return ["pip"]
    python = Path(sys.executable)
    return [str(python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python), "-m", "pip"]
