"""Train the detector of synthetic faces that ships with FaceBone.

    python benchmarks/train_synthetic_detector.py --out synthetic_detector.onnx

Writes the network and benchmarks/results/synthetic_detector.json with what it finds on people and
backgrounds it never saw. About 10 minutes on one core.
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
from torch import Tensor, nn
from torch.nn import functional

from facebone.data.faces.synthetic_detector import SIDE, STRIDE, SyntheticDetector
from facebone.data.synthesis.backdrop import busy_backdrop
from facebone.data.synthesis.recipe import Namespace, Recipe, stream
from facebone.data.synthesis.render import render_face
from facebone.data.synthesis.scenes import RenderedScene, draw_scene

RESULTS = Path(__file__).parent / "results" / "synthetic_detector.json"
GRID = SIDE // STRIDE
MOST_FACES = 2

Pixels = npt.NDArray[np.uint8]
Marks = npt.NDArray[np.float32]


def layer(width: int, out: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(width, out, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU())


class Net(nn.Module):
    """A grid of confidences and landmarks: strided convolutions down to 1/16, and back to 1/8."""

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(
            layer(3, 12, 2), layer(12, 24, 2), layer(24, 40, 2), layer(40, 40)
        )
        self.coarse = nn.Sequential(layer(40, 64, 2), layer(64, 64), layer(64, 64), layer(64, 40))
        self.join = layer(80, 48)
        self.heat = nn.Conv2d(48, 1, 1)
        self.marks = nn.Conv2d(48, 10, 1)
        nn.init.constant_(self.heat.bias, -4.0)
        centres = (torch.arange(GRID) + 0.5) * STRIDE - 0.5
        grid = torch.stack(torch.meshgrid(centres, centres, indexing="xy"))  # x, y: (2, g, g)
        self.register_buffer("grid", grid.repeat(5, 1, 1))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """See the class."""
        fine = self.fine((picture - 127.5) / 64.0)
        coarse = functional.interpolate(self.coarse(fine), scale_factor=2.0, mode="nearest")
        joined = self.join(torch.cat([fine, coarse], 1))
        return torch.sigmoid(self.heat(joined)), self.grid + 16.0 * self.marks(joined)


def sample(namespace: Namespace, seed: int, number: int) -> tuple[Pixels, Marks]:
    """One training picture, (128, 128, 3), and the landmarks of its faces, (n, 5, 2)."""
    rng = stream("detector", namespace, seed, number)
    kind = rng.random()
    if kind < 0.35:
        recipe = Recipe(seed, number, 0, namespace=namespace)
        face = render_face(recipe.identity(), recipe.nuisance())
        # A crop as it is, or a close look at it as the detector's second look has it.
        zoom = SIDE / 112 * (1.0 if rng.random() < 0.5 else float(rng.uniform(0.8, 1.15)))
        shift = rng.normal(0, 4, 2) if rng.random() < 0.5 else np.zeros(2)
        move = shift + 0.5 * (zoom - 1) + (SIDE - 112 * zoom) / 2
        matrix = np.array([[zoom, 0, move[0]], [0, zoom, move[1]]])
        pixels = cv2.warpAffine(face.image, matrix, (SIDE, SIDE))
        return np.asarray(pixels), (face.landmarks * zoom + move)[None].astype(np.float32)
    if kind < 0.42:
        return _no_scene(rng), np.zeros((0, 5, 2), dtype=np.float32)
    faces = (0, 1, 1, 2)[int(rng.integers(0, 4))]
    people = [Recipe(seed, number, k, namespace=namespace) for k in range(faces)]
    if faces == 2:
        people[1] = Recipe(seed, number + 1, 1, namespace=namespace)
    shape = (SIDE, SIDE)
    black = int(rng.integers(0, SIDE // 3)) if rng.random() < 0.3 else 0
    if black:
        shape = (SIDE - black, SIDE) if rng.random() < 0.5 else (SIDE, SIDE - black)
    drawn = [(recipe.identity(), recipe.nuisance()) for recipe in people]
    scene = draw_scene(rng, drawn, shape, scales=(0.25, 1.1))
    padded = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    padded[: shape[0], : shape[1]] = scene.image
    return padded, scene.landmarks


def _no_scene(rng: np.random.Generator) -> Pixels:
    """Pictures of nothing: noise, one colour, a ramp, boxes and discs."""
    kind = int(rng.integers(0, 4))
    if kind == 0:
        return rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    if kind == 1:
        flat = np.full((SIDE, SIDE, 3), rng.integers(0, 256, 3), dtype=np.float32)
        noise = rng.normal(0, rng.uniform(0, 40), flat.shape)
        return np.clip(flat + noise, 0, 255).astype(np.uint8)
    if kind == 2:
        small = rng.integers(0, 256, (int(rng.integers(2, 17)),) * 2 + (3,), dtype=np.uint8)
        ways = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
        way = ways[int(rng.integers(0, 3))]
        return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=way))
    return busy_backdrop((SIDE, SIDE), int(rng.integers(2**31)))


def targets(marks: Marks) -> tuple[npt.NDArray[np.float32], Marks]:
    """The heat (g, g) and the landmarks each cell should tell, (10, g, g), for faces (n, 5, 2)."""
    centres = (np.arange(GRID) + 0.5) * STRIDE - 0.5
    heat = np.zeros((GRID, GRID), dtype=np.float32)
    told = np.zeros((10, GRID, GRID), dtype=np.float32)
    for points in marks:
        x, y = points.mean(axis=0)
        size = max(6.0, 0.22 * float(np.hypot(*(points[1] - points[0]))))
        bump = np.exp(-((centres[:, None] - y) ** 2 + (centres - x) ** 2) / (2 * size**2))
        bump = bump.astype(np.float32)
        row, column = np.abs(centres - y).argmin(), np.abs(centres - x).argmin()
        bump[row, column] = 1.0
        told[:, bump > heat] = points.reshape(10, 1)
        heat = np.maximum(heat, bump)
    return heat, told


def objective(output: tuple[Tensor, Tensor], heat: Tensor, told: Tensor) -> Tensor:
    """CenterNet's focal loss on the heat, and the landmarks' error in shares of the face."""
    guess, marks = output[0][:, 0].clamp(1e-4, 1 - 1e-4), output[1]
    sure = heat == 1.0
    hits = ((1 - guess) ** 2 * guess.log())[sure].sum()
    misses = ((1 - heat) ** 4 * guess**2 * (1 - guess).log())[~sure].sum()
    focal = -(hits + misses) / sure.sum().clamp(min=1)
    near = (heat > 0.5)[:, None].float()
    across = ((told[:, 0:2] - told[:, 2:4]) ** 2).sum(1, keepdim=True).sqrt().clamp(min=8.0)
    error = functional.smooth_l1_loss(marks, told, reduction="none", beta=0.3) / across * near
    return focal + 8.0 * error.sum() / (10 * near.sum().clamp(min=1))


def train(samples: list[tuple[Pixels, Marks]], *, seed: int, epochs: int) -> nn.Module:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = Net().to(memory_format=torch.channels_last)
    wanted = [targets(marks) for _, marks in samples]
    pixels = np.stack([image for image, _ in samples])
    heats = torch.from_numpy(np.stack([heat for heat, _ in wanted]))
    marks = torch.from_numpy(np.stack([told for _, told in wanted]))
    batch = 64
    steps = epochs * (len(samples) // batch)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for epoch in range(epochs):
        order = torch.randperm(len(samples), generator=generator)
        start, total = time.perf_counter(), 0.0
        for rows in order[: len(order) // batch * batch].split(batch):
            inputs = torch.from_numpy(pixels[rows.numpy()]).permute(0, 3, 1, 2).float()
            gain = 1 + 0.15 * torch.randn(batch, 3, 1, 1, generator=generator)
            inputs = (inputs * gain).clamp(0, 255).contiguous(memory_format=torch.channels_last)
            loss = objective(network(inputs), heats[rows], marks[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            total += loss.item() * batch
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1:2d}  loss {total / len(samples):.3f}  {seconds:.0f} s", flush=True)
    return network.eval()


def export(network: nn.Module, file: Path) -> None:
    torch.onnx.export(
        network.to(memory_format=torch.contiguous_format),
        (torch.zeros(1, 3, SIDE, SIDE),),
        str(file),
        input_names=["picture"],
        output_names=["heat", "landmarks"],
        opset_version=17,
        dynamo=False,
    )


def scene_of(seed: int, number: int, faces: int) -> RenderedScene:
    """A (250, 250, 3) scene of people that the training did not see."""
    people = [Recipe(seed, 10 * number + k, 0) for k in range(faces)]
    drawn = [(recipe.identity(), recipe.nuisance()) for recipe in people]
    return draw_scene(stream("detector test", seed, number), drawn)


def measure(file: Path, *, seed: int, count: int = 300) -> dict[str, float]:
    """Recall, false alarms and landmark errors on scenes and crops."""
    detector = SyntheticDetector(weights=file)
    errors: dict[str, list[float]] = {"scenes": [], "crops": []}
    found = faces = false = 0
    for number in range(count):
        scene = scene_of(seed, number, 1 + number % 2)
        detected = detector.detect(scene.image)
        matched = 0
        for marks in scene.landmarks:
            across = float(np.hypot(*(marks[1] - marks[0])))
            distances = [np.hypot(*(face.landmarks - marks).T).mean() / across for face in detected]
            if distances and min(distances) < 0.4:
                matched += 1
                errors["scenes"].append(float(min(distances)))
        found, faces = found + matched, faces + len(scene.landmarks)
        false += len(detected) - matched
        recipe = Recipe(seed, number, 1)
        crop = render_face(recipe.identity(), recipe.nuisance())
        for face in detector.detect(crop.image)[:1]:
            across = float(np.hypot(*(crop.landmarks[1] - crop.landmarks[0])))
            miss = np.hypot(*(face.landmarks - crop.landmarks).T).mean() / across
            errors["crops"].append(float(miss))
    empty = [len(detector.detect(scene_of(seed + 1, k, 0).image)) for k in range(count)]
    return {
        "recall_scenes": found / faces,
        "false_faces_per_scene": false / count,
        "recall_crops": len(errors["crops"]) / count,
        "empty_scenes_without_face": float(np.mean(np.array(empty) == 0)),
        "median_error_scenes": float(np.median(errors["scenes"])),
        "p95_error_scenes": float(np.quantile(errors["scenes"], 0.95)),
        "median_error_crops": float(np.median(errors["crops"])),
        "p95_error_crops": float(np.quantile(errors["crops"], 0.95)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file")
    parser.add_argument("--measure", action="store_true", help="train nothing, measure --out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--samples", type=int, default=9_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    results = json.loads(options.results.read_text()) if options.measure else make(options)
    measured = measure(options.out, seed=77)
    results |= {
        "measured": {key: round(value, 4) for key, value in measured.items()},
        "sha256": hashlib.sha256(options.out.read_bytes()).hexdigest(),
        "bytes": options.out.stat().st_size,
        "machine": f"{platform.machine()}, torch {torch.__version__}",
    }
    text = json.dumps(results, indent=2, sort_keys=True)
    print(text, flush=True)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text + "\n")


def make(options: argparse.Namespace) -> dict[str, object]:
    """Render, train and export; what was done."""
    start = time.perf_counter()
    samples = [sample("training", options.seed + 1, number) for number in range(options.samples)]
    print(f"rendered in {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    network = train(samples, seed=options.seed, epochs=options.epochs)
    seconds = time.perf_counter() - start
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export(network, options.out)
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "training": {
            "pictures": options.samples,
            "epochs": options.epochs,
            "seconds": round(seconds),
            "threads": options.threads,
        },
        "command": shlex.join(["python", *sys.argv]),
    }


if __name__ == "__main__":
    main()
