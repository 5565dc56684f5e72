from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facebone.backbones.mobilefacenet import build
from facebone.backbones.weights import load_strictly, read_state_dict
from facebone.backbones.zoo import load_backbone
from facebone.errors import UsageError, WeightsError


def test_published_weights_equal_the_published_onnx_file(assets: Path) -> None:
    del assets
    faces = np.random.default_rng(3).integers(0, 256, (4, 112, 112, 3), dtype=np.uint8)
    # Smooth pictures too: noise alone would leave most channels saturated.
    ramp = np.linspace(0, 255, 112)
    faces[0] = np.stack(
        [ramp[None] + 0 * ramp[:, None], ramp[:, None] + 0 * ramp, faces[0, :, :, 0]], -1
    )
    in_torch = load_backbone("mobilefacenet_ms1m_a_torch", device="cpu").embed(faces)
    in_onnx = load_backbone("mobilefacenet_ms1m_a", device="cpu").embed(faces)
    norms = np.linalg.norm(in_onnx, axis=1, keepdims=True)
    np.testing.assert_allclose(in_torch / norms, in_onnx / norms, atol=1e-3)
    cosines = (in_torch * in_onnx).sum(axis=1) / (norms[:, 0] * np.linalg.norm(in_torch, axis=1))
    assert cosines.min() > 0.99999


def test_weights_of_another_architecture_are_refused(assets: Path) -> None:
    path = assets / "weights" / "mobilefacenet_ms1m_a.pt"
    from facebone.backbones.iresnet import build as build_iresnet

    with pytest.raises(
        WeightsError, match=r"is not a IResNet as described: .* missing .*unexpected"
    ):
        load_strictly(
            build_iresnet("iresnet18", 512, (112, 112)), read_state_dict(path), where=path
        )


def test_parameter_count_is_that_of_the_paper_s_size_class() -> None:
    # About one million: 4.0 MB in single precision, as the published file.
    count = sum(p.numel() for p in build("mobilefacenet", 128, (112, 112)).parameters())
    assert count == pytest.approx(1.0e6, rel=0.03)


def test_other_input_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="faces of 112x112, got 96x96"):
        build("mobilefacenet", 128, (96, 96))


def test_embedding_length_is_a_setting() -> None:
    network = build("mobilefacenet", 64, (112, 112)).eval()
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 112, 112)).shape == (1, 64)
