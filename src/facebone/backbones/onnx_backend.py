"""Backbones in ONNX files, run by ONNX Runtime on the CPU or a CUDA GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from facebone.backbones.base import Backbone, BackboneSpec, Embeddings, Faces
from facebone.backbones.preparation import run_in_batches
from facebone.backbones.runtimes import Settings
from facebone.backbones.weights import network_hash
from facebone.data.hashes import file_sha256
from facebone.errors import UsageError, WeightsError

# Small enough that the activations of two callers stay in the cache: two MobileFaceNets embed 345
# and 158 faces a second on two cores in batches of 4, 323 and 140 in batches of 16, 250 and 90 in
# batches of 64. A GPU wants the large ones.
CPU_BATCH = 4
GPU_BATCH = 128

DEFAULT_THREADS = 1
"""Threads inside one call: one, because the engine has several calls under way at once."""

# What fails is raised; a log line on stderr beside it would say it twice.
_FATAL_ONLY = 4
# ONNX Runtime has one exception class for each status and no common base below Exception.
ORT_ERRORS: tuple[type[Exception], ...] = tuple(
    value
    for value in vars(ort_errors).values()
    if isinstance(value, type) and issubclass(value, Exception)
)


class OnnxBackbone(Backbone):
    """An ONNX graph with one picture input (n, 3, h, w) and one embedding output (n, d).

    Args:
        spec: the facts.
        path: the file.
        settings: device and threads.

    Raises:
        WeightsError: the file is no ONNX graph, or its input or output does not fit the spec.
        UsageError: the device is not there.
    """

    def __init__(self, spec: BackboneSpec, path: Path, settings: Settings) -> None:
        self._session = open_session(path, settings)
        provider = self._session.get_providers()[0]
        device = "cuda" if provider == "CUDAExecutionProvider" else "cpu"
        if settings.device.startswith("cuda") and device != "cuda":
            raise UsageError(
                "ONNX Runtime could not start on CUDA",
                where="device",
                hint="check the CUDA installation, or ask for --device cpu",
            )
        file_hash = file_sha256(path)
        super().__init__(
            spec,
            weights_hash=network_hash(spec, file_hash),
            device=settings.device if settings.device.startswith("cuda:") else device,
        )
        self._input, fixed_batch = _check_input(self._session, spec, path)
        self._output = _check_output(self._session, spec, path)
        self._fixed = fixed_batch is not None
        self._batch = fixed_batch or (GPU_BATCH if device == "cuda" else CPU_BATCH)

    def _forward(self, faces: Faces) -> Embeddings:
        return run_in_batches(faces, self.spec, self._run, size=self._batch, fixed=self._fixed)

    def _run(self, tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            output = self._session.run([self._output], {self._input: tensor})[0]
        except ORT_ERRORS as error:
            raise WeightsError(
                f"fails on faces of {tensor.shape}: {first_line(error)}", where=self.spec.name
            ) from error
        embeddings: npt.NDArray[np.float32] = output
        return embeddings


def load(spec: BackboneSpec, path: Path, settings: Settings) -> Backbone:
    """The loader of the runtime ``onnx``; see `OnnxBackbone`."""
    return OnnxBackbone(spec, path, settings)


def open_session(path: Path, settings: Settings) -> Any:
    """An ONNX Runtime session on a file, quiet, with few threads.

    Raises:
        WeightsError: it is no ONNX graph, or keeps weights outside its folder.
        UsageError: the device is not there.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = settings.threads or DEFAULT_THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    try:
        return ort.InferenceSession(path, options, providers=_providers(settings.device))
    except ORT_ERRORS as error:
        raise WeightsError(
            f"is not an ONNX graph that can be run: {first_line(error)}",
            where=path,
            hint="get the file again, or export it anew",
        ) from error


def _providers(device: str) -> list[Any]:
    """Execution providers in order of preference."""
    cpu = "CPUExecutionProvider"
    cuda_here = "CUDAExecutionProvider" in ort.get_available_providers()
    if device == "cpu" or (device == "auto" and not cuda_here):
        return [cpu]
    if device != "auto" and not device.startswith("cuda"):
        raise UsageError(f"ONNX Runtime knows auto, cpu and cuda, got {device!r}", where="device")
    if not cuda_here:
        raise UsageError(
            "this ONNX Runtime has no CUDA",
            where="device",
            hint="install onnxruntime-gpu, or ask for --device cpu",
        )
    _, _, index = device.partition(":")
    if index and not index.isdigit():
        raise UsageError(f"must be like cuda:0, got {device!r}", where="device")
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), cpu]


def _check_input(session: Any, spec: BackboneSpec, path: Path) -> tuple[str, int | None]:
    """The input's name, and the batch size if the graph was exported for exactly one."""
    inputs = session.get_inputs()
    shapes = ", ".join(f"{node.name} {node.shape} {node.type}" for node in inputs)
    wanted = (3, *spec.input_size)
    node = inputs[0] if len(inputs) == 1 else None
    fits = (
        node is not None
        and node.type == "tensor(float)"
        and len(node.shape) == 4
        and all(
            not isinstance(got, int) or got == want
            for got, want in zip(node.shape[1:], wanted, strict=True)
        )
    )
    if node is None or not fits:
        raise WeightsError(
            f"takes {shapes}, its spec says one float input of (n, {wanted[0]}, {wanted[1]}, "
            f"{wanted[2]})",
            where=path,
            hint="correct the input size with 'facebone backbones add'",
        )
    batch = node.shape[0]
    return node.name, batch if isinstance(batch, int) else None


def _check_output(session: Any, spec: BackboneSpec, path: Path) -> str:
    """The name of the output that holds embeddings."""
    outputs = session.get_outputs()
    fitting: list[str] = [
        node.name
        for node in outputs
        if len(node.shape) == 2
        and (not isinstance(node.shape[1], int) or node.shape[1] == spec.dimension)
    ]
    if len(fitting) != 1:
        shapes = ", ".join(f"{node.name} {node.shape}" for node in outputs)
        raise WeightsError(
            f"gives {shapes}, its spec says one output of (n, {spec.dimension})",
            where=path,
            hint="correct the dimension with 'facebone backbones add'",
        )
    return fitting[0]


def first_line(error: Exception) -> str:
    """The first line of an error, short enough for ours."""
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
