"""Cosines of stacked templates, to centres or to each other, and the way back through them."""

from __future__ import annotations

import torch
from torch import Tensor

from facebone.verification.heads.mlp_layer import Products, arrange
from facebone.verification.heads.mlp_step import Buffers

SHORTEST = 1e-12
"""Length that a vector counts for at least, as in `torch.nn.functional.normalize`."""


class ToCentres:
    """Cosines of k times b templates to c centres.

    Lengths are divided out of the products, not of the vectors: of these there are more numbers.

    Args:
        templates: (k, b, t), of any length.
        slope: (k, b, t), to be the gradient by the templates.
        centres: (k, t, c), of any length.
        buffers: memory.
    """

    def __init__(self, templates: Tensor, slope: Tensor, centres: Tensor, buffers: Buffers) -> None:
        count, rows, _ = templates.shape
        shape = count, rows, centres.shape[2]
        self.pull = buffers.get("pull", *shape)
        self.by_centres = buffers.get("by centres", *centres.shape)
        self.whole = Products(
            inputs=templates,
            weight=centres,
            bias=torch.zeros(count, 1, shape[2], device=templates.device),
            outputs=buffers.get("cosine", *shape),
            slope=buffers.get("by cosine", *shape),
            before=slope,
            by_weight=self.by_centres,
        )
        self.products = arrange(self.whole)

    def cosines(self) -> Tensor:
        """Cosines (k, b, c), in a buffer that holds until the next call."""
        for products in self.products:
            products.answer()
        self.row = _inverse(self.whole.inputs)
        # Torch is slow at norms along a dimension that is not the last; the buffer is free here.
        squares = torch.square(self.whole.weight, out=self.by_centres)
        self.column = _one_over(squares.sum(1, keepdim=True).sqrt_())
        return self.whole.outputs.mul_(self.row).mul_(self.column)

    @property
    def by_cosine(self) -> Tensor:
        """Where the gradient by the cosines belongs before the way back."""
        return self.whole.slope

    def back(self) -> None:
        """From the gradient by the cosines to those by the templates and the centres."""
        # With x of length r and y of length s the cosine is c = x y / (r s). By x it changes by
        # y / (r s) - c x / r^2, and by y likewise.
        whole = self.whole
        slope, before = whole.slope, whole.before
        if before is None:
            raise RuntimeError("templates have a slope")
        torch.mul(slope, whole.outputs, out=self.pull)
        rows = self.pull.sum(2, keepdim=True).mul_(self.row.square())
        columns = self.pull.sum(1, keepdim=True).mul_(self.column.square())
        slope.mul_(self.row).mul_(self.column)
        for products in self.products:
            products.differentiate()
        before.addcmul_(whole.inputs, rows, value=-1)
        self.by_centres.addcmul_(whole.weight, columns, value=-1)


class WithinBatch:
    """Cosines between b templates, k times; arguments as of `ToCentres`."""

    def __init__(self, templates: Tensor, slope: Tensor, buffers: Buffers) -> None:
        count, rows, _ = templates.shape
        shape = count, rows, rows
        self.templates = templates
        # A copy, so that products are those of layers, which `arrange` knows of.
        self.turned = buffers.get("turned", count, templates.shape[2], rows)
        self.both = buffers.get("pull", *shape)
        self.by_cosine = buffers.get("by cosine", *shape)
        self.there = Products(
            inputs=templates,
            weight=self.turned,
            bias=torch.zeros(count, 1, rows, device=templates.device),
            outputs=buffers.get("cosine", *shape),
            slope=self.both,
            before=slope,
            # Both factors are the templates, so this part of the way back is not needed.
            by_weight=buffers.get("by centres", count, templates.shape[2], rows),
        )
        self.products = arrange(self.there)

    def cosines(self) -> Tensor:
        """Cosines (k, b, b), in a buffer that holds until the next call."""
        self.turned.copy_(self.templates.mT)
        for products in self.products:
            products.answer()
        self.row = _inverse(self.templates)
        return self.there.outputs.mul_(self.row).mul_(self.row.mT)

    def back(self) -> None:
        """From the gradient by the cosines to that by the templates."""
        before = self.there.before
        if before is None:
            raise RuntimeError("templates have a slope")
        # A template has a part in its row of cosines and in its column.
        torch.add(self.by_cosine, self.by_cosine.mT, out=self.both)
        pull = (self.both * self.there.outputs).sum(2, keepdim=True).mul_(self.row.square())
        self.both.mul_(self.row).mul_(self.row.mT)
        for products in self.products:
            products.differentiate()
        before.addcmul_(self.templates, pull, value=-1)


def _inverse(vectors: Tensor) -> Tensor:
    """One over the lengths of vectors that lie along the last dimension."""
    return _one_over(torch.linalg.vector_norm(vectors, dim=-1, keepdim=True))


def _one_over(lengths: Tensor) -> Tensor:
    return lengths.clamp_min_(SHORTEST).reciprocal_()
