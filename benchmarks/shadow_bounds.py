"""What bounds the training of MLP shadows: matrix products, the optimiser's update, memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

WIDTH = 128
LAYERS = (512, 256, 128, 64, 32, 16, 8)
"""Of the MLP head by default."""


def shapes(batch: int = 64) -> list[tuple[int, int, int]]:
    widths = (WIDTH, *LAYERS, 1)
    return [(batch, before, after) for before, after in pairwise(widths)]


def flops() -> int:
    """Of the products of one step of one network; the first layer's input needs no gradient."""
    return sum((3 if i else 2) * 2 * b * m * n for i, (b, m, n) in enumerate(shapes()))


def rate(work: Callable[[], object], count: int) -> float:
    """Floating-point operations a second, the best of some tries."""
    work()
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return count / min(taken)


def products() -> dict[str, float]:
    """Rates of the matrix products alone, Gflop/s."""
    import torch

    large = torch.randn(1536, 1536)
    layers = [(torch.randn(b, m), torch.randn(m, n), torch.randn(b, n)) for b, m, n in shapes()]
    repeats = 40

    def alone() -> None:
        for _ in range(repeats):
            for i, (rows, weight, slope) in enumerate(layers):
                torch.mm(rows, weight)
                torch.mm(rows.T, slope)
                if i:
                    torch.mm(slope, weight.T)

    return {
        "large": rate(lambda: large @ large, 2 * 1536**3) / 1e9,
        "layers": rate(alone, repeats * flops()) / 1e9,
    }


def update(count: int) -> dict[str, float]:
    """The optimiser's work for so many networks: seconds a network and step, and GB/s of memory.

    Of each weight, AdamW reads four numbers (itself, gradient, two moments) and writes three.
    """
    import torch

    sizes = [count * (m * n + n) for _, m, n in shapes()]
    tensors = [[torch.rand(size) for size in sizes] for _ in range(4)]
    step = torch.ones(())

    def all_layers() -> None:
        for layer in zip(*tensors, strict=True):
            torch._fused_adamw_(
                *([tensor] for tensor in layer), [], [step], lr=3e-4, beta1=0.9, beta2=0.999,
                weight_decay=0.01, eps=1e-8, amsgrad=False, maximize=False,
            )  # fmt: skip

    moved = 7 * 4 * sum(sizes)
    updated = rate(all_layers, moved)
    one, other, total = (torch.rand(2**25) for _ in range(3))
    copied = rate(lambda: torch.add(one, other, out=total), 3 * 4 * 2**25)
    return {
        "update": moved / updated / count,
        "update, GB/s": updated / 1e9,
        "memory, GB/s": copied / 1e9,
    }
