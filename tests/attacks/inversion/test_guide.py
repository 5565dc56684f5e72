"""Differentiable backbones against the backbones themselves, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facebone.attacks.inversion.guide import look_further, look_through, open_guide
from facebone.attacks.inversion.tensors import to_faces, to_tensor
from facebone.backbones.zoo import load_backbone
from facebone.errors import UsageError
from facebone.verification.embedded_pairs import normalise, side_by_side


def faces(count=3, side=64, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (count, side // 8, side // 8, 3))
    return np.kron(coarse, np.ones((1, 8, 8, 1))).astype(np.uint8)


def test_tensors_and_back():
    shown = faces()
    mirrored = shown[:, :, ::-1]
    np.testing.assert_array_equal(to_faces(to_tensor(mirrored)), mirrored)
    assert to_tensor(shown).shape == (3, 3, 64, 64)
    assert to_faces(torch.tensor([[[[-1.0, 2.0]]] * 3]).reshape(1, 3, 1, 2)).ravel().max() == 255


@pytest.mark.parametrize("name", ["tiny_mobile", "tiny_residual"])
def test_a_guide_embeds_as_the_backbone_does(name):
    shown = faces()
    wanted = normalise(load_backbone(name).embed(shown))
    found = open_guide(name)(to_tensor(shown)).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_several_backbones_are_seen_side_by_side_whatever_their_size():
    names = ("tiny_mobile", "tiny_residual")
    shown = faces()
    wanted = side_by_side([normalise(load_backbone(name).embed(shown)) for name in names])
    np.testing.assert_allclose(look_through(names)(to_tensor(shown)).numpy(), wanted, atol=2e-4)
    larger = look_through(["tiny_mobile"])(to_tensor(faces(side=96)))
    assert larger.shape == (3, 96)


def test_gradients_reach_the_pixels():
    pictures = to_tensor(faces()).requires_grad_()
    look_through(["tiny_mobile"])(pictures)[:, 0].sum().backward()
    assert (pictures.grad != 0).any(dim=(1, 2, 3)).all()


def test_a_linear_map_behind_the_networks_is_learnt():
    rng = np.random.default_rng(0)
    look = look_through(["tiny_mobile"])
    public = normalise(rng.normal(size=(400, 96)).astype(np.float32))
    turn = np.linalg.qr(rng.normal(size=(96, 96)))[0].astype(np.float32)
    further = look_further(look, public, public @ turn)
    shown = to_tensor(faces())
    np.testing.assert_allclose(further(shown).numpy(), look(shown).numpy() @ turn, atol=2e-2)


@pytest.mark.parametrize("name", ["dlib", "tiny_plain%mirror"])
def test_networks_without_gradients_are_refused(name):
    with pytest.raises(UsageError, match=r"gives no gradients.*take an attack that needs none"):
        open_guide(name)
