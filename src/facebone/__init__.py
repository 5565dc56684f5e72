"""FaceBone: build, attack, harden and audit face-verification systems.

Importing this package is quick: it loads no torch, ONNX Runtime or OpenCV and touches no disk.
"""

from importlib.metadata import version as _version

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        return _version("facebone")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
