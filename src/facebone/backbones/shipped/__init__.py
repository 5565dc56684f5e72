"""Tiny backbones that come with the package: they know synthetic faces only.

``benchmarks/train_shipped_backbones.py`` made them; what each reaches on people it never saw is in
``benchmarks/results/shipped_backbones.json``.
"""

from __future__ import annotations

from pathlib import Path

from facebone.backbones.base import BackboneSpec

_TRAINING_DATA = (
    "12,000 rendered pictures of 1,200 synthetic people (namespace 'training'); no photographs"
)


def _tiny(
    name: str, architecture: str, size: int, dimension: int, sha256: str, paper: str = ""
) -> BackboneSpec:
    # The graphs take 0..255 and normalise inside: mean and deviation stay those that do nothing.
    return BackboneSpec(
        name=name,
        architecture=architecture,
        runtime="onnx",
        input_size=(size, size),
        dimension=dimension,
        template=f"arcface-{size}x{size}",
        licence="Apache-2.0",
        commercial=True,
        source="shipped with FaceBone",
        paper=paper,
        sha256=sha256,
        filename=f"{name}.onnx",
        training_data=_TRAINING_DATA,
        detector="synthetic",
    )


SHIPPED_SPECS: tuple[BackboneSpec, ...] = (
    _tiny(
        "tiny_plain",
        "plain-cnn",
        64,
        64,
        "5bfe2c41d8ddcc0fcec96231e401f5070ac60832c9c1b00b9f0c84d1a52eca67",
        "Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, "
        "2015 (the manner)",
    ),
    _tiny(
        "tiny_mobile",
        "inverted-residual",
        64,
        96,
        "2e39cb41bdb7f0da3f0151e4d1313028f78adeb8eaa52a28a353bcd73232afa2",
        "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018 (the manner)",
    ),
    _tiny(
        "tiny_residual",
        "se-residual",
        64,
        128,
        "9d464f3e222c645b4aadd4fb03bec0d4a9c873e5d8f68469b4a0e4f69bb48ddd",
        "Hu et al., Squeeze-and-Excitation Networks, 2018 (the manner)",
    ),
    _tiny(
        "tiny_mixer",
        "mlp-mixer",
        64,
        64,
        "3f5c30af0c6e6673a34e78a4fc9268d078518119b688f37701507adfc37b8300",
        "Tolstikhin et al., MLP-Mixer: An all-MLP Architecture for Vision, 2021 (the manner)",
    ),
    _tiny(
        "tiny_wide",
        "wide-shallow",
        56,
        160,
        "dc853832792ed5bc30a621ba28ada0acf7f40fd6265134f3fe4f84e0ef32e1d6",
    ),
)
"""The facts of the shipped backbones."""


def shipped_path(filename: str) -> Path:
    """Where a packaged file lies."""
    return Path(__file__).parent / filename
