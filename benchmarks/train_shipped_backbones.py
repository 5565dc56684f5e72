"""Train the tiny backbones that ship with FaceBone, on synthetic people nobody else meets.

    python benchmarks/train_shipped_backbones.py --out weights [--only tiny_plain]

Writes one ONNX file a backbone into --out and their accuracy on people they never saw into
benchmarks/results/shipped_backbones.json. About 20 minutes on one core for all five; the same seed
gives the same weights on the same machine.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shlex
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from shipped_architectures import ARCHITECTURES, Recipe
from torch import Tensor, nn
from torch.nn import functional

from facebone.data.faces.align import align
from facebone.data.faces.templates import get_template
from facebone.data.synthesis.recipe import Namespace
from facebone.data.synthesis.recipe import Recipe as Face
from facebone.data.synthesis.render import render_face

RESULTS = Path(__file__).parent / "results" / "shipped_backbones.json"
MEGABYTE = 1_000_000

Pixels = npt.NDArray[np.uint8]


def render_people(
    namespace: Namespace, seed: int, people: int, pictures: int, sizes: set[int], *, error: float
) -> dict[int, Pixels]:
    """Aligned faces for each input size, (people * pictures, s, s, 3), people in order.

    Args:
        namespace: whose people.
        seed: which ones.
        people: how many.
        pictures: how many of each.
        sizes: sides of the aligned faces.
        error: deviation of the landmarks from the true ones, as of a detector, in pixels.
    """
    templates = {size: get_template(f"arcface-{size}x{size}") for size in sizes}
    shape = (people * pictures,)
    faces = {size: np.empty((*shape, size, size, 3), dtype=np.uint8) for size in sizes}
    for person in range(people):
        for picture in range(pictures):
            recipe = Face(seed, person, picture, namespace=namespace)
            face = render_face(recipe.identity(), recipe.nuisance())
            miss = recipe.stream("landmark error", picture).normal(0, error, (5, 2))
            for size, template in templates.items():
                aligned = align(face.image, face.landmarks + miss, template)
                faces[size][person * pictures + picture] = aligned
    return faces


class MarginHead(nn.Module):
    """CosFace's classifier (Wang et al., 2018): cosines, the right one less a margin."""

    def __init__(self, dimension: int, people: int, *, scale: float, margin: float) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.randn(people, dimension) * 0.05)
        self.scale, self.margin = scale, margin

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """See the class."""
        cosines = functional.normalize(embeddings) @ functional.normalize(self.centres).T
        margins = self.margin * functional.one_hot(labels, len(self.centres))
        return functional.cross_entropy(self.scale * (cosines - margins), labels)


def augment(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Shift by up to two pixels, change the brightness of each channel, blot out a rectangle."""
    count, _, height, width = batch.shape
    padded = functional.pad(batch, (2, 2, 2, 2), mode="replicate")
    rows = torch.arange(height) + torch.randint(0, 5, (count, 1), generator=generator)
    columns = torch.arange(width) + torch.randint(0, 5, (count, 1), generator=generator)
    index = torch.arange(count)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
    moved = moved.permute(0, 3, 1, 2)
    gain = 1 + 0.08 * torch.randn(count, 3, 1, 1, generator=generator)
    moved = moved * gain
    for k in torch.nonzero(torch.rand(count, generator=generator) < 0.25).flatten().tolist():
        side = int(torch.randint(6, width // 2, (1,), generator=generator))
        top, left = torch.randint(0, width - side, (2,), generator=generator).tolist()
        moved[k, :, top : top + side, left : left + side] = moved[k].mean()
    return moved.clamp(0, 255)


def train(
    recipe: Recipe, faces: Pixels, people: int, *, seed: int, epochs: int, batch: int = 128
) -> nn.Module:
    """Train a network to tell people apart.

    Args:
        recipe: the network.
        faces: (people * pictures, s, s, 3), people in order.
        people: how many.
        seed: of the weights, the order and the augmentation.
        epochs: times that every picture is seen.
        batch: pictures in a step.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = recipe.network().to(memory_format=torch.channels_last)
    head = MarginHead(recipe.dimension, people, scale=24.0, margin=0.25)
    labels = torch.arange(people).repeat_interleave(len(faces) // people)
    optimiser = torch.optim.AdamW(
        [*network.parameters(), *head.parameters()], lr=3e-3, weight_decay=0.02
    )
    steps = epochs * (len(faces) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for epoch in range(epochs):
        order = torch.randperm(len(faces), generator=generator)
        start, total = time.perf_counter(), 0.0
        for rows in order[: len(order) // batch * batch].split(batch):
            pixels = torch.from_numpy(faces[rows.numpy()]).permute(0, 3, 1, 2).float()
            inputs = augment(pixels, generator).contiguous(memory_format=torch.channels_last)
            loss = head(network(inputs), labels[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * batch
        seconds = time.perf_counter() - start
        print(f"  epoch {epoch + 1:2d}  loss {total / len(faces):.3f}  {seconds:.0f} s", flush=True)
    return network.eval()


def export(network: nn.Module, recipe: Recipe, file: Path) -> None:
    """Write the network as ONNX with a free batch size."""
    example = torch.zeros(2, 3, recipe.size, recipe.size)
    torch.onnx.export(
        network.to(memory_format=torch.contiguous_format),
        (example,),
        str(file),
        input_names=["faces"],
        output_names=["embeddings"],
        dynamic_axes={"faces": {0: "n"}, "embeddings": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    if file.stat().st_size > MEGABYTE:
        raise SystemExit(f"{file} has {file.stat().st_size} bytes, a shipped backbone 1 MB at most")


def embed(file: Path, faces: Pixels) -> npt.NDArray[np.float32]:
    """Embeddings of length one by ONNX Runtime, (n, d)."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    parts = []
    for start in range(0, len(faces), 128):
        batch = faces[start : start + 128].transpose(0, 3, 1, 2).astype(np.float32)
        parts.append(session.run(None, {"faces": batch})[0])
    embeddings = np.concatenate(parts)
    return embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)


def ten_fold_accuracy(
    embeddings: npt.NDArray[np.float32], people: int, *, pairs: int = 6000, seed: int = 0
) -> tuple[float, float]:
    """Accuracy of the cosine on balanced pairs, each fold with the threshold of the other nine.

    Returns:
        Mean and standard error over the ten folds.
    """
    rng = np.random.default_rng(seed)
    pictures = len(embeddings) // people
    same = np.arange(pairs) % 2 == 0
    left_person = rng.integers(0, people, pairs)
    other = (left_person + rng.integers(1, people, pairs)) % people
    right_person = np.where(same, left_person, other)
    left_picture = rng.integers(0, pictures, pairs)
    right_picture = (left_picture + rng.integers(1, pictures, pairs)) % pictures
    left, right = left_person * pictures + left_picture, right_person * pictures + right_picture
    scores = np.einsum("nd,nd->n", embeddings[left], embeddings[right])
    fold = np.arange(pairs) // 2 % 10
    accuracies = []
    for k in range(10):
        thresholds = np.sort(scores[fold != k])[::20]
        right_calls = (scores[fold != k] >= thresholds[:, None]) == same[fold != k]
        best = thresholds[right_calls.mean(axis=1).argmax()]
        accuracies.append(((scores[fold == k] >= best) == same[fold == k]).mean())
    return float(np.mean(accuracies)), float(np.std(accuracies, ddof=1) / np.sqrt(10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--only", choices=ARCHITECTURES, action="append", help="train this one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--people", type=int, default=1200)
    parser.add_argument("--pictures", type=int, default=10)
    parser.add_argument("--epochs", type=int, help="instead of the architecture's own number")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.use_deterministic_algorithms(True)
    options.out.mkdir(parents=True, exist_ok=True)
    names = options.only or list(ARCHITECTURES)
    sizes = {ARCHITECTURES[name].size for name in names}
    start = time.perf_counter()
    seen = render_people(
        "training", options.seed, options.people, options.pictures, sizes, error=1.0
    )
    unseen_people = 300
    unseen = render_people("public", 2024, unseen_people, 8, sizes, error=0.5)
    print(f"rendered in {time.perf_counter() - start:.0f} s", flush=True)
    results = json.loads(options.results.read_text()) if options.results.exists() else {}
    for name in names:
        recipe = ARCHITECTURES[name]
        print(name, flush=True)
        start = time.perf_counter()
        epochs = options.epochs or recipe.epochs
        network = train(recipe, seen[recipe.size], options.people, seed=options.seed, epochs=epochs)
        seconds = time.perf_counter() - start
        file = options.out / f"{name}.onnx"
        export(network, recipe, file)
        accuracy, error = ten_fold_accuracy(embed(file, unseen[recipe.size]), unseen_people)
        results[name] = {
            "accuracy": round(accuracy, 4),
            "standard_error": round(error, 4),
            "pairs": 6000,
            "people_never_seen": unseen_people,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "bytes": file.stat().st_size,
            "parameters": sum(p.numel() for p in network.parameters()),
            "training": {
                "people": options.people,
                "pictures_each": options.pictures,
                "epochs": epochs,
                "seconds": round(seconds),
                "threads": options.threads,
            },
            "machine": f"{platform.machine()}, torch {torch.__version__}",
            "command": shlex.join(["python", *sys.argv]),
        }
        print(f"  {json.dumps(results[name], indent=None)}", flush=True)
        options.results.parent.mkdir(parents=True, exist_ok=True)
        options.results.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
