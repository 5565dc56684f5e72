"""What all visitors share: data, verifiers, and what attackers found; made once, then kept."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import facebone
from facebone.audit.artefacts import AUDIT_FILE
from facebone.audit.environment import code_fingerprint
from facebone.audit.job_store import JOBS_FOLDER, JobStore, Result, open_shared
from facebone.backbones.devices import resolve_torch_device
from facebone.data.dataset import Dataset, load_dataset
from facebone.demo.audit_run import AuditRun, State
from facebone.demo.looking import Eyes
from facebone.demo.photographs import Photographs, open_photographs
from facebone.demo.rebuilt import Rebuilt, rebuild
from facebone.demo.settings import DemoSettings
from facebone.demo.shown_audit import ShownAudit, read_shown
from facebone.demo.trained_voices import load_voices, train_voices
from facebone.demo.voices import Voice
from facebone.demo.work import Step
from facebone.errors import FaceBoneError
from facebone.progress import ProgressFactory
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.opening import open_engine_for, open_store

Tell = Callable[[Step], None]

_PEOPLE, _REBUILT = "people", "rebuilt"
_POLL = 0.2
"""Seconds between two looks at how far an audit is."""


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """What the pages show.

    Args:
        settings: of the demo.
        dataset: people and pictures.
        eyes: they look at its pictures.
        voices: undefended, hardened, then each backbone alone.
        trained: people whom both verifiers were trained on.
        others: people who were candidates, and were not.
        audited: the audit of both verifiers at every level.
        rebuilt: faces from templates; None where that could not be done.
        no_rebuilt: why not, in a line.
        photographs: what looks at visitors' own photographs.
    """

    settings: DemoSettings
    dataset: Dataset
    eyes: Eyes
    voices: tuple[Voice, ...]
    trained: frozenset[str]
    others: frozenset[str]
    audited: ShownAudit
    rebuilt: Rebuilt | None
    no_rebuilt: str
    photographs: Photographs

    @property
    def synthetic(self) -> bool:
        """Whether the people are made up."""
        return self.settings.data == "synthetic"


def make_material(settings: DemoSettings, tell: Tell) -> Material:
    """Make the material, or take what was made before.

    Args:
        settings: of the demo.
        tell: is told what is being done.

    Raises:
        FaceBoneError: the data set, a backbone or an audit fails.
    """
    tell(Step("opening the data set and the backbones", 0, 0))
    engine = open_engine_for(
        settings.data,
        settings.backbones,
        alignment=settings.alignment,
        device=settings.device,
        store=open_store(),
        progress=_progress(tell),
    )
    dataset = load_dataset(settings.data, settings.root, seed=settings.seed)
    folder = settings.folder / _key(settings, dataset, engine)
    device = resolve_torch_device(settings.device)
    audited, verifiers = folder / "membership", folder / "verifiers"
    kept = open_shared(folder / "kept")
    if not (audited / AUDIT_FILE).is_file():
        _audit(settings, audited, tell)
    store = JobStore(audited / JOBS_FOLDER)
    if not kept.has(_PEOPLE):
        tell(Step("training the two verifiers", 0, 0))
        trained, others = train_voices(
            verifiers, settings.membership(), dataset, engine, store, device=device
        )
        kept.save(_PEOPLE, Result({"trained": trained, "others": others}))
    rebuilt, no_rebuilt = _rebuilt(settings, dataset, engine, kept, store, device, tell)
    tell(Step("loading", 0, 0))
    people = kept.load(_PEOPLE).values
    names = [route.backbone.spec.name for route in engine.routes]
    return Material(
        settings=settings,
        dataset=dataset,
        eyes=Eyes(engine.routes),
        voices=load_voices(verifiers, names),
        trained=frozenset(people["trained"]),
        others=frozenset(people["others"]),
        audited=read_shown(audited),
        rebuilt=rebuilt,
        no_rebuilt=no_rebuilt,
        photographs=open_photographs(device=settings.device),
    )


def _audit(settings: DemoSettings, out: Path, tell: Tell) -> None:
    run = AuditRun(settings.membership(), out)
    try:
        while run.state is State.RUNNING:
            tell(run.step)
            time.sleep(_POLL)
    finally:
        run.cancel()
    if run.state is not State.DONE:
        raise FaceBoneError(run.error or "the audit was ended", where="demo")


def _rebuilt(
    settings: DemoSettings,
    dataset: Dataset,
    engine: EmbeddingEngine,
    kept: JobStore,
    audit: JobStore,
    device: str,
    tell: Tell,
) -> tuple[Rebuilt | None, str]:
    """Faces from templates, or why there are none: the other pages do without."""
    try:
        if not kept.has(_REBUILT):
            made = rebuild(
                settings.reconstruction(),
                dataset,
                engine,
                audit,
                device=device,
                progress=_progress(tell),
            )
            kept.save(_REBUILT, made)
    except FaceBoneError as error:
        return None, str(error)
    return Rebuilt.from_result(kept.load(_REBUILT)), ""


def _key(settings: DemoSettings, dataset: Dataset, engine: EmbeddingEngine) -> str:
    """Names the folder of all that depends on the same things."""
    asked = asdict(settings) | {"root": None, "cache": None}
    described: dict[str, Any] = {
        "settings": asked,
        "fingerprint": dataset.fingerprint,
        "routes": [route.describe() for route in engine.routes],
        "facebone": facebone.__version__,
    }
    described["code"] = code_fingerprint(described)
    text = json.dumps(described, sort_keys=True)
    return f"{settings.data}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _progress(tell: Tell) -> ProgressFactory:
    return lambda label, total: _Told(label, total, tell)


class _Told:
    """Progress that is handed on as steps."""

    def __init__(self, label: str, total: int, tell: Tell) -> None:
        self._label, self._total, self._done, self._tell = label, total, 0, tell

    def __enter__(self) -> _Told:
        self._tell(Step(self._label, 0, self._total))
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def advance(self, count: int) -> None:
        """Hand on how far it is."""
        self._done += count
        self._tell(Step(self._label, self._done, self._total))
