"""The kinds of audit that the command can run, from its options to the finished audit."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebone.commands.assemble import (
    describe_routes,
    open_data,
    open_engine,
    show_problems,
)
from facebone.commands.console import note
from facebone.commands.options import Alignment, FaceChoice, MissingFace
from facebone.progress import for_console
from facebone.scale.kept import kept_results

if TYPE_CHECKING:
    from facebone.attacks.access import Access
    from facebone.audit.assemble import TargetFacts
    from facebone.audit.plan import JobStore
    from facebone.audit.schema import Audit
    from facebone.audit.score_table import ScoreTable
    from facebone.audit.settings import AuditSettings
    from facebone.data.dataset import Dataset
    from facebone.scale.executor import Executor
    from facebone.verification.engine import EmbeddingEngine


@dataclass(frozen=True, slots=True)
class Pictures:
    """Options that say which pictures are looked at, and how."""

    data: str
    root: Path | None
    backbones: tuple[str, ...]
    alignment: Alignment
    detector: str
    face: FaceChoice
    missing: MissingFace | None
    device: str
    workers: int | None
    store: bool
    trust: bool
    seed: int
    executor: Executor | None
    shared: str | None

    def open_engine(self, alignment: Alignment | None = None) -> EmbeddingEngine:
        """The engine, with another alignment where one is given."""
        return open_engine(
            self.data,
            self.backbones,
            alignment=alignment or self.alignment,
            detector=self.detector,
            face=self.face,
            missing=self.missing,
            device=self.device,
            workers=self.workers,
            store=self.store,
            trust=self.trust,
            shared=self.shared,
            executor=self.executor,
        )

    def open_data(self) -> Dataset:
        """The data set."""
        return open_data(self.data, self.root, self.seed)


@dataclass(frozen=True, slots=True)
class Given:
    """Options about a verifier that is there already."""

    attacks: tuple[str, ...]
    threshold: float | None
    sign: int
    seed: int
    access: Access
    shared: str | None

    def words(self) -> list[str]:
        """The options again, for the command of the report."""
        from facebone.attacks.access import Access
        from facebone.audit.attack_choice import DEFAULT_ATTACKS

        found = []
        if self.attacks != DEFAULT_ATTACKS:
            found += [word for attack in self.attacks for word in ("--attack", attack)]
        if self.access is not Access.SCORE:
            found += ["--access", self.access.value]
        if self.threshold is not None:
            found += ["--threshold", f"{self.threshold:g}"]
        if self.sign < 0:
            found.append("--smaller-is-same")
        if self.seed:
            found += ["--seed", str(self.seed)]
        return found


def audit_trained(
    settings: AuditSettings, pictures: Pictures, out: Path, executor: Executor, *, faces: bool
) -> Audit:
    """Train targets on a data set, and audit them; `faces` shows those most at risk."""
    from facebone.audit.run_trained import open_sources, run_trained
    from facebone.backbones.devices import resolve_torch_device

    pictures = replace(pictures, backbones=settings.routes)
    engine = pictures.open_engine()
    plain = pictures.open_engine(Alignment.NONE) if settings.protocol == "reference" else None
    sources = open_sources(
        settings,
        engine,
        pictures.open_data,
        resolve_torch_device(settings.device),
        plain=plain,
        trust=pictures.trust,
    )
    return run_trained(
        settings,
        sources,
        out,
        executor,
        faces=faces,
        shared=pictures.shared,
        progress=for_console,
        tell=note,
        routes=describe_routes(engine.routes),
    )


def audit_scores(path: Path, given: Given, out: Path, executor: Executor) -> Audit:
    """Audit a verifier of which only a table of scores is known."""
    from facebone.audit.assemble import TargetFacts
    from facebone.audit.existing import read_score_table

    table = read_score_table(path, threshold=given.threshold, sign=given.sign, seed=given.seed)
    facts = TargetFacts(path.stem, "unknown", f"scores read from {path.name}")
    return _audit_table(
        table, facts, given, out, executor, words=["--scores", path.name], data=path.name
    )


def audit_callable(
    reference: str, candidates: Path, given: Given, out: Path, executor: Executor, *, queries: int
) -> Audit:
    """Audit a Python function that verifies."""
    from facebone.audit.assemble import TargetFacts
    from facebone.audit.existing import ask_verifier, load_callable, read_candidates
    from facebone.audit.plan import bind
    from facebone.data.hashes import file_sha256

    verify, pairs = load_callable(reference), read_candidates(candidates)
    name = reference.rpartition(":")[2]
    # The folder is bound to the question before the first answer is kept in it.
    asked = {"verifier": name, "candidates": file_sha256(candidates), "queries": queries}
    with bind(out, asked | _identity(given), shared=kept_results(given.shared)) as store:
        table = ask_verifier(
            verify,
            pairs,
            queries=queries,
            threshold=given.threshold,
            sign=given.sign,
            seed=given.seed,
            answers=out / "answers",
            progress=for_console,
        )
        facts = TargetFacts(name, "unknown", f"the Python function {name}")
        words = ["--verifier", Path(reference).name, "--candidates", candidates.name]
        if queries > 1:
            words += ["--queries", str(queries)]
        return _run_table(
            table, facts, given, out, executor, store=store, words=words, data=candidates.name
        )


def audit_onnx(
    head_file: Path,
    candidates: Path,
    pictures: Pictures,
    given: Given,
    out: Path,
    executor: Executor,
    *,
    form: str,
) -> Audit:
    """Audit a head in an ONNX file, on the embeddings of the backbones."""
    from facebone.audit.assemble import TargetFacts
    from facebone.audit.existing import load_onnx_head, read_candidates
    from facebone.audit.existing.asked_head import ask_head

    pairs = read_candidates(candidates)
    engine = pictures.open_engine()
    width = sum(route.backbone.spec.dimension for route in engine.routes)
    head = load_onnx_head(head_file, dimension=width, form=form, sign=given.sign)
    table, embedded = ask_head(
        head, pairs, pictures.open_data(), engine, threshold=given.threshold, seed=given.seed
    )
    show_problems(embedded.problems, embedded.guessed)
    facts = TargetFacts(
        head_file.stem,
        "unknown",
        f"the ONNX head {head_file.name}",
        backbones=pictures.backbones,
        head="onnx",
    )
    words = ["--data", pictures.data]
    for backbone in pictures.backbones:
        words += ["--backbone", backbone]
    words += ["--onnx-head", head_file.name, "--candidates", candidates.name]
    if form != "auto":
        words += ["--onnx-form", form]
    if pictures.alignment is not Alignment.FIVE_POINT:
        words += ["--alignment", pictures.alignment.value]
    return _audit_table(
        table,
        facts,
        given,
        out,
        executor,
        words=words,
        data=pictures.data,
        alignment=pictures.alignment.value,
    )


def _identity(given: Given) -> dict[str, Any]:
    from facebone.audit.given import common_identity

    return common_identity(attacks=given.attacks, seed=given.seed) | {
        "threshold": given.threshold,
        "sign": given.sign,
        "access": given.access.value,
    }


def _audit_table(
    table: ScoreTable,
    facts: TargetFacts,
    given: Given,
    out: Path,
    executor: Executor,
    *,
    words: list[str],
    data: str,
    alignment: str = "unknown",
) -> Audit:
    """Audit answers that are all there already."""
    from facebone.audit.given import fingerprint
    from facebone.audit.plan import bind

    asked = {"target": facts.name, "scores": fingerprint(table)}
    with bind(out, asked | _identity(given), shared=kept_results(given.shared)) as store:
        return _run_table(
            table,
            facts,
            given,
            out,
            executor,
            store=store,
            words=words,
            data=data,
            alignment=alignment,
        )


def _run_table(
    table: ScoreTable,
    facts: TargetFacts,
    given: Given,
    out: Path,
    executor: Executor,
    *,
    store: JobStore,
    words: list[str],
    data: str,
    alignment: str = "unknown",
) -> Audit:
    from facebone.audit.auditor import run_audit
    from facebone.audit.given import plan_table

    plan = plan_table(
        table,
        facts,
        store,
        attacks=given.attacks,
        seed=given.seed,
        command=shlex.join(["facebone", "audit", *words, *given.words()]) + " --out DIR",
        data=data,
        alignment=alignment,
        access=given.access,
    )
    return run_audit(plan, out, executor, store=store, progress=for_console)
