"""DP-SGD: steps on the clipped gradients of a random few pairs, summed and drowned in noise."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facebone.mitigations.dp.models import Layers


@dataclass(frozen=True, slots=True)
class Course:
    """What training is told.

    Args:
        clip: length that the gradient of a pair is cut to.
        noise: standard deviation of the noise on their sum, over the clip.
        rate: probability that a step meets a pair.
        steps: number of steps.
        learning_rate: of AdamW.
        weight_decay: of AdamW; it moves parameters whatever the pairs are.
        dropout: share of hidden outputs that is set to zero.
        safe_noise: draw noise so that no rounding of its numbers gives away what it hides; see
            Holohan and Braghin.
    """

    clip: float
    noise: float
    rate: float
    steps: int
    learning_rate: float
    weight_decay: float
    dropout: float
    safe_noise: bool


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What is random in training.

    Args:
        sampling: which pairs a step meets, on the CPU.
        noise: on the device that is trained on, as the next.
        dropping: which outputs are dropped.
    """

    sampling: torch.Generator
    noise: torch.Generator
    dropping: torch.Generator

    @classmethod
    def of_seeds(cls, sampling: int, noise: int, dropping: int, *, device: str) -> Draws:
        """Draws that repeat."""
        return cls(
            torch.Generator().manual_seed(sampling),
            torch.Generator(device).manual_seed(noise),
            torch.Generator(device).manual_seed(dropping),
        )

    @classmethod
    def of_entropy(cls, *, device: str) -> Draws:
        """Draws that nobody can repeat: seeds from the operating system, kept nowhere."""
        generators = torch.Generator(), torch.Generator(device), torch.Generator(device)
        for generator in generators:
            generator.seed()
        return cls(*generators)


class Dropped(nn.Module):
    """Dropout that draws from a generator of its own."""

    def __init__(self, share: float, generator: torch.Generator) -> None:
        super().__init__()
        self._share, self._generator = share, generator

    def forward(self, hidden: Tensor) -> Tensor:
        """The outputs, some of them zero and the others larger."""
        drawn = torch.rand(hidden.shape, generator=self._generator, device=hidden.device)
        return hidden * (drawn >= self._share) / (1 - self._share)


def train(layers: Layers, rows: Tensor, truth: Tensor, course: Course, draws: Draws) -> Layers:
    """Train layers by DP-SGD through Opacus.

    Lengths of gradients come from what goes into a layer and the slope behind it, so that the
    gradient of no single pair is laid out; a second pass back, weighted by the clipping, gives
    their sum. Adam's moments are made of noisy sums alone, so they cost no privacy. No mean loss
    is kept: it would be a figure of the pairs without noise.

    Args:
        layers: the start; it stays as it is.
        rows: (n, width) float32 what goes in, on the device to train on.
        truth: (n,) float32, 1 where a row shows one person.
        course: what training is told.
        draws: what is random.

    Returns:
        Layers on the CPU.

    References:
        M. Abadi et al.: Deep learning with differential privacy. CCS, 2016.
        X. Li, F. Tramer, P. Liang, T. Hashimoto: Large language models can be strong
        differentially private learners. ICLR, 2022.
        A. Yousefpour et al.: Opacus: user-friendly differential privacy library in PyTorch. 2021.
        N. Holohan, S. Braghin: Secure random sampling in differential privacy. ESORICS, 2021.
    """
    from opacus.grad_sample import GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPTensorFastGradientClipping
    from opacus.utils.uniform_sampler import UniformWithReplacementSampler

    affine, network = _network(layers, rows.device, course.dropout, draws.dropping)
    private = GradSampleModuleFastGradientClipping(
        network, loss_reduction="sum", max_grad_norm=course.clip
    )
    optimiser = DPOptimizerFastGradientClipping(
        torch.optim.AdamW(
            network.parameters(), lr=course.learning_rate, weight_decay=course.weight_decay
        ),
        noise_multiplier=course.noise,
        max_grad_norm=course.clip,
        # Not the number of pairs that a step meets, which would tell who is there.
        expected_batch_size=course.rate * len(rows),
        generator=draws.noise,
        secure_mode=course.safe_noise,
    )
    loss = nn.BCEWithLogitsLoss(reduction="none")
    sampler = UniformWithReplacementSampler(
        num_samples=len(rows),
        sample_rate=course.rate,
        generator=draws.sampling,
        steps=course.steps,
    )
    with warnings.catch_warnings():
        # Of the first layer there is no gradient by the inputs, and none is needed.
        warnings.filterwarnings("ignore", "Full backward hook is firing", UserWarning)
        for met in sampler:
            place = torch.tensor(met, dtype=torch.long, device=rows.device)
            # A step that meets nobody is a step all the same: its noise hides that it did.
            losses = loss(private(rows[place]).squeeze(-1), truth[place])
            DPTensorFastGradientClipping(private, optimiser, losses, "sum").backward()
            optimiser.step()
    return Layers(
        [each.weight.detach().T.cpu().contiguous() for each in affine],
        [each.bias.detach().cpu() for each in affine],
    )


def _network(
    layers: Layers, device: torch.device, dropout: float, generator: torch.Generator
) -> tuple[list[nn.Linear], nn.Sequential]:
    """The layers as modules, and all of them in a row."""
    affine: list[nn.Linear] = []
    modules: list[nn.Module] = []
    for weight, bias in zip(layers.weights, layers.biases, strict=True):
        if affine:
            modules += [nn.ReLU(), *([Dropped(dropout, generator)] if dropout else [])]
        # skip_init: parameters drawn from torch's global generator would be thrown away.
        linear = nn.utils.skip_init(nn.Linear, *weight.shape, device=device)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        affine.append(linear)
        modules.append(linear)
    return affine, nn.Sequential(*modules)
