"""Where an audit ran: what its figures may depend on, and nothing that names a person or a path."""

from __future__ import annotations

import hashlib
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import facebone
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
    """Python, system, processor, device and versions of the packages that numbers depend on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": available_cores(),
        "device": device,
        "packages": found,
    }


@cache
def code_fingerprint() -> str:
    """A hash of FaceBone's own source: a result of other code is not one of this audit."""
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
