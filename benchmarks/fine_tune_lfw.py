"""Fine-tune the last blocks of a MobileFaceNet on people of LFW, and ask who they were.

    python -m benchmarks.fine_tune_lfw

Each model is trained from pixels on its own random half of the people with 4 pictures or more, and
attacked with the others as shadows. Half of a person's pictures may be trained on, the others are
asked about. What is frozen is embedded once; each model is kept after every epoch, so that a study
that was interrupted goes on where it stopped. Writes results/fine_tune_lfw.json.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.results_file import write_result
from benchmarks.study_tools import over_models, run_all
from benchmarks.unit_tools import ACCURACIES, accuracies
from facebone.attacks.access import Channel
from facebone.audit.answers import answer
from facebone.audit.shadows import ShadowBatch
from facebone.audit.unit_candidates import draw_units
from facebone.audit.unit_material import UnitMaterial, embed_units, members_of
from facebone.config import assets_folder
from facebone.data.dataset import load_dataset
from facebone.data.pairs import Pairs
from facebone.data.splits import Level
from facebone.data.store import EmbeddingStore
from facebone.files import new_file
from facebone.harden.attacked import Attacked
from facebone.progress import for_console
from facebone.seeding import derive_seed
from facebone.verification.adaptation.fine_tuning import FineTuningHead, fine_tune
from facebone.verification.adaptation.fine_tuning_settings import FineTuningSettings, place_cut
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import open_routes

KEPT = Path(__file__).parent.parent / "runs" / "fine_tune_lfw"

MODELS = 16
BACKBONE = "mobilefacenet_ms1m_a_torch"
RECIPE = {"blocks": 6, "epochs": 20, "learning_rate": 1e-3, "schedule": "cosine"}
"""Of six units the last two blocks are whole and the one before halves the maps to 7x7."""
ATTACKS = (
    "loss_threshold",
    "loss_threshold:ask=among",
    "loss_threshold:ask=gain",
    "lira",
    "lira:ask=among",
    "lira:ask=gain",
    "set_likelihood",
)
CHANNELS = (Channel.UNADAPTED,)


@cache
def recipe() -> tuple[dict[str, Any], tuple[str, ...]]:
    """Settings of the head, and the names of the routes."""
    return place_cut(RECIPE, [BACKBONE])


def embed(assets: Path) -> None:
    """Keep the rows at the cut of all candidates, once."""
    settings, names = recipe()
    del settings
    if _material_file().exists():
        return
    dataset = load_dataset("lfw", assets / "lfw")
    engine = EmbeddingEngine(
        open_routes(list(names), missing="centre"),
        store=EmbeddingStore(KEPT / "embeddings"),
        progress=for_console,
    )
    units = draw_units(dataset, Level.IDENTITY, limit=3000, seed=0)
    facts, arrays = embed_units(engine, dataset, units)[0].to_arrays()
    with new_file(_material_file()) as part, part.open("wb") as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **arrays)


@cache
def material() -> UnitMaterial:
    """The candidates, read once a process."""
    with np.load(_material_file()) as kept:
        arrays = {name: kept[name] for name in kept.files if name != "facts"}
        return UnitMaterial.from_arrays(json.loads(str(kept["facts"])), arrays)


def train_one(number: int) -> None:
    """Train a model, and keep what it answers and how accurate it is."""
    torch.set_num_threads(1)
    settings, _ = recipe()
    candidates, seed = material(), derive_seed(0, "model", number)
    _, rows, member = members_of(candidates, seed=seed)
    pictures = candidates.training.take(rows).pictures()
    head = FineTuningHead(FineTuningSettings(**settings))
    begun = time.perf_counter()
    report = fine_tune(
        head,
        candidates.labelled(pictures, (0,)),
        seed=seed,
        checkpoint=_file(number, "checkpoint"),
        progress=for_console,
    )
    seconds = time.perf_counter() - begun

    def asked(pairs: Pairs) -> npt.NDArray[np.float64]:
        return answer(head, candidates, pairs, (0,), seed=0).log_odds[:, 0]

    said = answer(head, candidates, candidates.questions, (0,), channels=CHANNELS, seed=0)
    with new_file(_file(number, "npz")) as part, part.open("wb") as file:
        np.savez(
            file,
            log_odds=said.log_odds[:, 0].astype(np.float32),
            trained=member,
            accuracies=accuracies(asked, candidates, member, (0,), seed=seed),
            loss=report.train_loss,
            pictures=len(pictures),
            seconds=seconds,
            **{f"channel_{name}": values for name, values in said.channels.items()},
        )
    _file(number, "checkpoint").unlink(missing_ok=True)


def attack_one(task: tuple[ShadowBatch, int]) -> dict[str, float]:
    """One model attacked with all others: AUC, and members found at one false alarm in 100."""
    attacked = Attacked.among(material(), *task)
    found = {}
    for spec in ATTACKS:
        one = attacked.tried(spec)
        found[spec], found[f"{spec}, tpr"] = one.auc, one.tpr
    return found


def _material_file() -> Path:
    return KEPT / f"{recipe()[1][0]}.npz"


def _file(number: int, kind: str) -> Path:
    key = hashlib.sha256(repr(sorted(recipe()[0].items())).encode()).hexdigest()[:12]
    return KEPT / f"model_{key}_{number:02d}.{kind}"


def main() -> int:
    assets = assets_folder()
    if assets is None:
        print("FACEBONE_ASSETS is not set", file=sys.stderr)
        return 2
    embed(assets)
    missing = [number for number in range(MODELS) if not _file(number, "npz").exists()]
    run_all(train_one, missing, label="models")
    kept = [np.load(_file(number, "npz")) for number in range(MODELS)]
    arrays = {name: np.stack([one[name] for one in kept]) for name in kept[0].files}
    batch = ShadowBatch.from_arrays(arrays)
    found = run_all(attack_one, [(batch, target) for target in range(MODELS)], label="attacks")
    measured = arrays["accuracies"]
    figures = {
        "models": MODELS,
        "recipe": {"backbone": BACKBONE, **RECIPE},
        "people": int((~material().control_units).sum()),
        "pictures": int(arrays["pictures"].mean()),
        # Beside other work on the same cores; of a model that was gone on with, since then.
        "seconds": round(float(np.median(arrays["seconds"]))),
        "loss": [round(float(loss), 4) for loss in arrays["loss"].mean(axis=0)],
        "accuracy": dict(zip(ACCURACIES, over_models(measured.tolist()), strict=True)),
        "change": {
            name: over_models((measured[:, [k + 1]] - measured[:, [k]]).tolist())[0]
            for name, k in (("strangers", 0), ("members", 2))
        },
        "auc": {spec: over_models([[one[spec]] for one in found])[0] for spec in ATTACKS},
        "tpr_at_1_percent": {
            spec: over_models([[one[f"{spec}, tpr"]] for one in found])[0] for spec in ATTACKS
        },
    }
    write_result("fine_tune_lfw", figures)
    print(json.dumps(figures, indent=1), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
