"""How fast pictures become embeddings, against what bounds it and against the naive way.

All rates are of one run on the same pictures, measured in turn (A B C, A B C, ..) so that a change
of the machine's speed meets all of them, and compared by the median of their ratios.

- bare: the same network in ONNX Runtime on ready tensors, all cores, the best of several batch
  sizes and of both ways to use the cores (one caller with many threads, many callers with one).
- embedding: the backbone on ready faces, with preparation of its input, all cores.
- stages on one core each: what a pipeline would be bound by that gives one core to the preparation
  of pictures (read, decode, detect, align) and one to the network: the slower of the two.
- stages on all cores: 1 / (1/preparing + 1/embedding), the bound when all cores do both in turn and
  nothing is lost. No program that does all of the work on these cores can pass it.
- pipeline: the engine from files to stored embeddings, all cores.
- naive: eager PyTorch, one picture at a time, whole picture resized, nothing stored: how the
  prototype embeds, with all the threads PyTorch wants; where the same network is there for PyTorch.
- naive with faces: the same, with detection and alignment before it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
from PIL import Image

from benchmarks.results_file import write_result
from facebone.backbones.mobilefacenet import MobileFaceNet
from facebone.backbones.weights import load_strictly, read_state_dict
from facebone.config import assets_folder
from facebone.data.dataset import load_dataset
from facebone.data.pictures import Picture
from facebone.data.store import EmbeddingStore
from facebone.scale.cores import available_cores
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes

BATCHES = (1, 4, 16)
# View 2 names 12,000 pictures, 7,701 different ones: without a store each is embedded once a pair.
NAMED_BY_PAIRS, DISTINCT = 12_000, 7_701
TORCH_TWINS = {"mobilefacenet_ms1m_a": "mobilefacenet_ms1m_a.pt"}


def rate(work: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def chunks(items: Sequence[object], size: int) -> list[Sequence[object]]:
    return [items[i : i + size] for i in range(0, len(items), size)]


class Contest:
    """The ways to embed the same pictures with the same network."""

    def __init__(self, name: str, pictures: Sequence[Picture], cores: int) -> None:
        # The whole is measured on all pictures, so that its first and last batches do not count
        # for much; its parts, which have none, on every fourth.
        self.all_pictures = pictures
        self.pictures = pictures[::4]
        self.cores = cores
        self.routes = open_routes([name], missing="centre", device="cpu")
        self.backbone = self.routes[0].backbone
        self.preparation = self.routes[0].preparation
        self.crops = np.stack([self.prepare(picture) for picture in self.pictures])
        self.twin = TORCH_TWINS.get(name)
        if self.twin is not None:
            weights, spec = assets_folder() / "weights" / self.twin, self.backbone.spec
            self.naive_network = MobileFaceNet().eval()
            load_strictly(self.naive_network, read_state_dict(weights), where=weights)
            self.mean = torch.tensor(spec.mean).view(1, 3, 1, 1)
            self.std = torch.tensor(spec.std).view(1, 3, 1, 1)
        path = str(assets_folder() / "weights" / f"{name}.onnx")
        self.bare_sessions = {n: _session(path, n) for n in {1, cores}}
        self.input = self.bare_sessions[1].get_inputs()[0].name
        self.tensors = np.ascontiguousarray(self.crops.transpose(0, 3, 1, 2), dtype=np.float32)

    def prepare(self, picture: Picture) -> np.ndarray:
        """Read, decode, detect and align one picture."""
        source = picture.source
        return self.preparation.prepare(
            source.decode(source.read()), source.landmarks, location=source.location
        ).crop

    def preparing(self, threads: int) -> float:
        """The rate of `prepare` alone."""
        cv2.setNumThreads(1)
        with ThreadPoolExecutor(threads) as pool:
            return rate(lambda: list(pool.map(self.prepare, self.pictures)), len(self.pictures))

    def embedding(self, threads: int) -> float:
        """The rate of the backbone alone, on ready faces."""
        with ThreadPoolExecutor(threads) as pool:
            parts = chunks(self.crops, 64)
            return rate(lambda: list(pool.map(self.backbone.embed, parts)), len(self.crops))

    def bare(self) -> float:
        """The best rate that ONNX Runtime itself gives on all cores."""
        return max(self._bare(batch, callers) for batch in BATCHES for callers in (1, self.cores))

    def _bare(self, batch: int, callers: int) -> float:
        session = self.bare_sessions[self.cores // callers]
        parts = chunks(self.tensors, batch)

        def call(part: np.ndarray) -> object:
            return session.run(None, {self.input: part})

        with ThreadPoolExecutor(callers) as pool:
            return rate(lambda: list(pool.map(call, parts)), len(self.crops))

    def pipeline(self) -> float:
        """The rate of the engine, with an empty store."""
        with tempfile.TemporaryDirectory() as folder:
            engine = EmbeddingEngine(
                self.routes, store=EmbeddingStore(Path(folder)), workers=self.cores
            )
            return rate(lambda: engine.embed(self.all_pictures), len(self.all_pictures))

    def naive(self, count: int, *, faces: bool) -> float:
        """The rate of eager PyTorch, one picture at a time."""

        def work() -> None:
            for picture in self.pictures[:count]:
                if faces:
                    image = self.prepare(picture)
                else:
                    image = np.asarray(Image.open(picture.source.path).resize((112, 112)))
                tensor = torch.from_numpy(image.transpose(2, 0, 1).copy())[None].float()
                with torch.no_grad():
                    self.naive_network((tensor - self.mean) / self.std)

        return rate(work, count)


def _session(path: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def study(name: str, pictures: Sequence[Picture], cores: int, rounds: int) -> dict[str, object]:
    contest = Contest(name, pictures, cores)
    contest.pipeline()  # warm: files in the cache, threads started
    rows: list[dict[str, float]] = []
    for _ in range(rounds):
        row = {
            "bare": contest.bare(),
            "embedding": contest.embedding(cores),
            "pipeline": contest.pipeline(),
            "preparing_one_core": contest.preparing(1),
            "embedding_one_core": contest.embedding(1),
            "preparing": contest.preparing(cores),
        }
        slowest = min(row["preparing_one_core"], row["embedding_one_core"])
        bound = 1 / (1 / row["preparing"] + 1 / row["embedding"])
        row |= {
            "embedding / bare": row["embedding"] / row["bare"],
            "pipeline / slowest stage, one core each": row["pipeline"] / slowest,
            "pipeline / bound of all cores": row["pipeline"] / bound,
            "pipeline / slowest stage given all cores": row["pipeline"]
            / min(row["preparing"], row["embedding"]),
        }
        if contest.twin is not None:
            naive = contest.naive(150, faces=False)
            with_faces = contest.naive(150, faces=True)
            row |= {
                "naive": naive,
                "naive_with_faces": with_faces,
                "pipeline / naive": row["pipeline"] / naive,
                "pipeline / naive with faces": row["pipeline"] / with_faces,
                "the pairs of View 2, pipeline / naive with faces": row["pipeline"]
                / with_faces
                * NAMED_BY_PAIRS
                / DISTINCT,
            }
        rows.append(row)
        print(name, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    folder = assets_folder()
    if folder is None:
        parser.error("set FACEBONE_ASSETS")
    lfw = load_dataset("lfw", folder / "lfw")
    step = len(lfw.pictures) // arguments.pictures
    pictures = lfw.pictures[:: max(step, 1)][: arguments.pictures]
    figures: dict[str, object] = {"pictures": len(pictures), "rounds": arguments.rounds}
    for name in ("mobilefacenet_ms1m_a", "mobilefacenet_ms1m_b"):
        figures[name] = study(name, pictures, available_cores(), arguments.rounds)
    write_result("engine", figures)


if __name__ == "__main__":
    main()
