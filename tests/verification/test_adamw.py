"""AdamW without PyTorch's class: the same numbers, and the compiler is not loaded for it."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from facebone.verification.heads.adamw import AdamW


def network():
    generator = torch.Generator().manual_seed(0)
    shapes = ((7, 5), (7,), (1, 7), (1,))
    return [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_it_moves_as_pytorchs_does(decay: float) -> None:
    generator = torch.Generator().manual_seed(1)
    rows, wanted = torch.randn((40, 5), generator=generator), torch.randn(40, generator=generator)
    kinds = torch.optim.AdamW if decay else torch.optim.Adam
    found = []
    for own in (True, False):
        tensors = network()
        optimiser = (
            AdamW(tensors, rate=0.01, decay=decay)
            if own
            else kinds(tensors, lr=0.01, weight_decay=decay, fused=True)
        )
        for _ in range(30):
            hidden = torch.relu(rows @ tensors[0].T + tensors[1])
            loss = ((hidden @ tensors[2].T + tensors[3])[:, 0] - wanted).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        found.append(tensors)
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_a_tensor_without_a_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="no gradient"):
        AdamW(network(), rate=0.01).step()


TRAIN = """
import sys, numpy as np
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import make_head
rows = np.random.default_rng(0).normal(size=(2, 40, 8)).astype(np.float32)
pairs = EmbeddedPairs((rows[0],), (rows[1],), None)
make_head("mlp", {"epochs": 1}).fit(pairs, np.arange(40) % 2 == 0, seed=0)
print(sorted({"torch._dynamo", "sympy", "sklearn"} & set(sys.modules)))
"""


def test_training_an_mlp_loads_neither_compiler_nor_other_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
