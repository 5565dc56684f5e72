"""Write a result together with the machine and the command that made it."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from facebone.scale.cores import available_cores

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("facebone", "numpy", "onnxruntime", "opencv-python-headless", "pillow", "torch")


def machine() -> dict[str, object]:
    """What a reader must know to judge a figure: processor, cores, memory, versions."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (OSError, StopIteration, ValueError):
        memory = float("nan")
    return {
        "processor": model,
        "cores": available_cores(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def write_result(name: str, figures: dict[str, object], *, command: str | None = None) -> Path:
    """Write ``results/<name>.json`` and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {
        "command": command or " ".join(["python", "-m", *_module_and_arguments()]),
        "machine": machine(),
        "figures": figures,
    }
    path.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print(f"wrote {path}", file=sys.stderr)
    return path


def _module_and_arguments() -> list[str]:
    spec = sys.modules["__main__"].__spec__
    name = spec.name if spec is not None else Path(sys.argv[0]).name
    return [name.removesuffix(".__main__"), *sys.argv[1:]]
