"""The registry of face detectors, and which of them a machine has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from facebone.data.faces.face import Detector
from facebone.data.faces.templates import get_template
from facebone.errors import MissingPartError
from facebone.registry import Registry

DetectorFactory = Callable[[], Detector]

DETECTORS: Registry[DetectorFactory] = Registry("face detector")
DETECTORS.add("yunet", "facebone.data.faces.yunet:load_yunet")
DETECTORS.add("dlib", "facebone.data.faces.dlib_detector:DlibDetector")
DETECTORS.add("synthetic", "facebone.data.faces.synthetic_detector:SyntheticDetector")


def load_detector(name_or_path: str | Path) -> Detector:
    """Make a detector.

    Args:
        name_or_path: a registered name, or the path of a YuNet network as an ``.onnx`` file.

    Raises:
        UnknownNameError: neither.
        MissingPartError: what the detector needs is not installed or not there.
        WeightsError: the file is not a YuNet network.
    """
    if _is_path(name_or_path):
        from facebone.data.faces.yunet import YuNetDetector

        return YuNetDetector(Path(name_or_path).expanduser())
    return DETECTORS.get(str(name_or_path))()


def resolve_detector(wanted: str | Path, template: str) -> str:
    """The detector to use for a template, as a name or path that `load_detector` takes.

    Args:
        wanted: a registered name, a path, or ``auto``: YuNet if its weights are here, else dlib if
            it is installed; for dlib's own template the other way round, as its points define it.
        template: name of an alignment template.

    Raises:
        UnknownNameError: there is no such detector or template.
        MissingPartError: ``auto``, and neither is here.
    """
    scheme = get_template(template).scheme
    if _is_path(wanted):
        return str(wanted)
    if wanted != "auto":
        DETECTORS.get(str(wanted))
        return str(wanted)
    here = _real_detectors(prefer_dlib=scheme == "dlib-five")
    if not here:
        from facebone.config import ASSETS_VARIABLE

        raise MissingPartError(
            "no face detector for photographs is here",
            hint="either pip install 'facebone[dlib]', or set "
            f"{ASSETS_VARIABLE} to a folder that holds weights/yunet_n_320.onnx",
        )
    return here[0]


def _real_detectors(*, prefer_dlib: bool) -> list[str]:
    from facebone.data.faces.dlib_detector import dlib_installed
    from facebone.data.faces.yunet import find_yunet

    here = {"yunet": find_yunet() is not None, "dlib": dlib_installed()}
    order = ("dlib", "yunet") if prefer_dlib else ("yunet", "dlib")
    return [name for name in order if here[name]]


def _is_path(name_or_path: str | Path) -> bool:
    if isinstance(name_or_path, Path):
        return True
    return name_or_path.endswith(".onnx") or os.sep in name_or_path
