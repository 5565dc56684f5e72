"""IResNet against an interpretation written from the published layout, not from the module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # its name everywhere

from facebone.backbones.iresnet import DEPTHS, build
from facebone.backbones.runtimes import Settings
from facebone.backbones.specs import PUBLISHED_SPECS
from facebone.backbones.torch_backend import TorchBackbone, load
from facebone.backbones.weights import load_strictly
from facebone.errors import UsageError, WeightsError

State = dict[str, torch.Tensor]


def published_state(depths: tuple[int, ...], *, seed: int, dimension: int = 512) -> State:
    """Random weights under the names and shapes of nizhib/pytorch-insightface and arcface_torch.

    Deviations keep the activations near one through a hundred layers, so that 1e-5 means something.
    """
    rng = torch.Generator().manual_seed(seed)
    state: State = {}

    def conv(name: str, outputs: int, inputs: int, side: int) -> None:
        scale = (2 / (inputs * side * side)) ** 0.5
        state[f"{name}.weight"] = torch.randn(outputs, inputs, side, side, generator=rng) * scale

    def norm(name: str, width: int, gain: float = 1.0) -> None:
        state[f"{name}.weight"] = gain * (0.8 + 0.4 * torch.rand(width, generator=rng))
        state[f"{name}.bias"] = 0.1 * torch.randn(width, generator=rng)
        state[f"{name}.running_mean"] = 0.1 * torch.randn(width, generator=rng)
        state[f"{name}.running_var"] = 0.8 + 0.4 * torch.rand(width, generator=rng)
        state[f"{name}.num_batches_tracked"] = torch.tensor(7)

    def prelu(name: str, width: int) -> None:
        state[f"{name}.weight"] = 0.25 * torch.rand(width, generator=rng)

    conv("conv1", 64, 3, 3)
    norm("bn1", 64)
    prelu("prelu", 64)
    inputs = 64
    for layer, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512), strict=True), 1):
        for block in range(depth):
            name = f"layer{layer}.{block}"
            norm(f"{name}.bn1", inputs)
            conv(f"{name}.conv1", width, inputs, 3)
            norm(f"{name}.bn2", width)
            prelu(f"{name}.prelu", width)
            conv(f"{name}.conv2", width, width, 3)
            norm(f"{name}.bn3", width, gain=0.2)
            if block == 0:
                conv(f"{name}.downsample.0", width, inputs, 1)
                norm(f"{name}.downsample.1", width)
            inputs = width
    norm("bn2", 512)
    state["fc.weight"] = torch.randn(dimension, 512 * 49, generator=rng) / (512 * 49) ** 0.5
    state["fc.bias"] = 0.1 * torch.randn(dimension, generator=rng)
    norm("features", dimension)
    return state


def naive_forward(state: State, x: np.ndarray, depths: tuple[int, ...]) -> np.ndarray:
    """The published forward pass step by step in double precision, from the state dict alone."""
    s = {key: value.double() for key, value in state.items()}

    def norm(t: torch.Tensor, name: str) -> torch.Tensor:
        shape = (1, -1) + (1,) * (t.ndim - 2)
        mean, variance = s[f"{name}.running_mean"], s[f"{name}.running_var"]
        scaled = (t - mean.view(shape)) / (variance.view(shape) + 1e-5).sqrt()
        return scaled * s[f"{name}.weight"].view(shape) + s[f"{name}.bias"].view(shape)

    def prelu(t: torch.Tensor, name: str) -> torch.Tensor:
        slope = s[f"{name}.weight"].view(1, -1, 1, 1)
        return t.clamp(min=0) + slope * t.clamp(max=0)

    out = F.conv2d(torch.from_numpy(x).double(), s["conv1.weight"], padding=1)
    out = prelu(norm(out, "bn1"), "prelu")
    for layer in range(1, 5):
        for block in range(depths[layer - 1]):
            name = f"layer{layer}.{block}"
            stride = 2 if block == 0 else 1
            inner = F.conv2d(norm(out, f"{name}.bn1"), s[f"{name}.conv1.weight"], padding=1)
            inner = prelu(norm(inner, f"{name}.bn2"), f"{name}.prelu")
            inner = F.conv2d(inner, s[f"{name}.conv2.weight"], stride=stride, padding=1)
            inner = norm(inner, f"{name}.bn3")
            if f"{name}.downsample.0.weight" in s:
                # A 1x1 convolution of stride 2 is a matrix product over every second pixel.
                weight = s[f"{name}.downsample.0.weight"][:, :, 0, 0]
                picked = out[:, :, ::stride, ::stride]
                out = norm(torch.einsum("oc,nchw->nohw", weight, picked), f"{name}.downsample.1")
            out = inner + out
    flat = norm(out, "bn2").reshape(len(x), -1)
    return norm(flat @ s["fc.weight"].T + s["fc.bias"], "features").numpy()


@pytest.mark.parametrize(
    ("name", "millions"),
    # Weights and biases of the published layouts; 65.2 M is the number ArcFace states for r100.
    [
        ("iresnet18", 24.0),
        ("iresnet34", 34.1),
        ("iresnet50", 43.6),
        ("iresnet100", 65.2),
        ("iresnet200", 118.8),
    ],
)
def test_parameter_count(name: str, millions: float) -> None:
    with torch.device("meta"):
        network = build(name, 512, (112, 112))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize("name", ["iresnet18", "iresnet100"])
def test_published_layout_loads_strictly_and_gives_the_same(name: str, tmp_path: Path) -> None:
    state = published_state(DEPTHS[name], seed=3)
    network = build(name, 512, (112, 112)).eval()
    load_strictly(network, state, where=tmp_path)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 112, 112)).astype(np.float32)
    with torch.inference_mode():
        got = network(torch.from_numpy(x)).numpy()
    want = naive_forward(state, x, DEPTHS[name])
    assert 0.1 < want.std() < 100
    # Unit embeddings, which is what scores are made of, in single against double precision.
    got, want = (e / np.linalg.norm(e, axis=1, keepdims=True) for e in (got, want))
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("name", ["iresnet34", "iresnet50", "iresnet200"])
def test_names_and_shapes_are_those_published(name: str) -> None:
    with torch.device("meta"):
        network = build(name, 512, (112, 112))
    wanted = published_state(DEPTHS[name], seed=0)
    got = network.state_dict()
    assert set(got) == set(wanted)
    assert all(got[key].shape == wanted[key].shape for key in wanted)


def test_another_depth_is_refused(tmp_path: Path) -> None:
    state = published_state(DEPTHS["iresnet18"], seed=1)
    with pytest.raises(WeightsError, match=r"missing \(layer1.2.bn1.weight"):
        load_strictly(build("iresnet34", 512, (112, 112)), state, where=tmp_path)


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    state = published_state(DEPTHS["iresnet18"], seed=1, dimension=256)
    with pytest.raises(WeightsError, match=r"fc.weight \(256, 25088\) instead of \(512, 25088\)"):
        load_strictly(build("iresnet18", 512, (112, 112)), state, where=tmp_path)


def test_other_input_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="faces of 112x112, got 112x96"):
        build("iresnet18", 512, (112, 96))


def test_backbone_prepares_as_published(tmp_path: Path, tiny_spec) -> None:
    """(value - 127.5) / 128, red first: what the publisher's read-me does."""
    (r34, _, _) = PUBLISHED_SPECS
    path = tmp_path / "w.pt"
    state = published_state(DEPTHS["iresnet18"], seed=4)
    torch.save(state, path)
    spec = tiny_spec(
        architecture="iresnet18",
        runtime="torch",
        input_size=(112, 112),
        dimension=512,
        mean=r34.mean,
        std=r34.std,
        colour=r34.colour,
    )
    backbone = load(spec, path, Settings(device="cpu"))
    assert isinstance(backbone, TorchBackbone)
    faces = np.random.default_rng(1).integers(0, 256, (2, 112, 112, 3), dtype=np.uint8)
    x = (faces.transpose(0, 3, 1, 2).astype(np.float32) / 255 - 0.5) / (0.5 * 256 / 255)
    want = naive_forward(state, x, DEPTHS["iresnet18"])
    got = backbone.embed(faces)
    scale = np.linalg.norm(want, axis=1, keepdims=True)
    np.testing.assert_allclose(got / scale, want / scale, atol=1e-5)
