"""Where an audit ran: what its figures may depend on, and nothing that names a person or a path."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import facebone
from facebone.plugins import find_plugins, named_in
from facebone.scale.cores import available_cores

PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "onnxruntime",
    "opencv-python-headless",
    "pillow",
    "adversarial-robustness-toolbox",
    "dlib-bin",
)


def describe_environment(*, device: str) -> dict[str, Any]:
    """Python, system, processor, device and versions of the packages that numbers depend on.

    Those that bring parts are among them.
    """
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found |= {plugin.package: plugin.version for plugin in find_plugins()}
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "device": device,
        "packages": found,
    }


def with_code(described: Mapping[str, Any]) -> dict[str, Any]:
    """What a result is of, and by which code; see `code_fingerprint`."""
    return {**described, "code": code_fingerprint(described)}


def code_fingerprint(described: object) -> str:
    """A hash of the code that a result comes from: a result of other code is not one of this audit.

    That is FaceBone's own source, and version and source of each other package whose parts are
    named.

    Args:
        described: what the result is of, in words, numbers, lists and dictionaries.
    """
    words = json.dumps(described, sort_keys=True, default=str)
    used = sorted({plugin.fingerprint() for plugin in named_in(words)})
    if not used:
        return own_fingerprint()
    return hashlib.sha256(" ".join((own_fingerprint(), *used)).encode()).hexdigest()[:16]


@cache
def own_fingerprint() -> str:
    """A hash of FaceBone's own source."""
    root = Path(facebone.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
