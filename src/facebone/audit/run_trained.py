"""The whole audit of targets that are trained for it, from its settings to its artefacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facebone.attacks.attack import Goal
from facebone.audit.auditor import run_audit
from facebone.audit.other_goals.choice import check_stated, of_goal
from facebone.audit.other_goals.plan import needs_other_network
from facebone.audit.plan import bind
from facebone.audit.reconstruction.judge import choose_judge, open_judge
from facebone.audit.schema import Audit
from facebone.audit.settings import AUTO, AuditSettings
from facebone.audit.trained import Sources, identity, plan_trained
from facebone.audit.trained_targets import check_targets
from facebone.data.dataset import Dataset
from facebone.progress import ProgressFactory, SilentProgress
from facebone.scale.executor import Executor
from facebone.scale.kept import kept_in, kept_results
from facebone.verification.engine import EmbeddingEngine
from facebone.verification.routes import Route


def run_trained(
    settings: AuditSettings,
    sources: Sources,
    out: Path,
    executor: Executor,
    *,
    faces: bool = True,
    shared: str | None = None,
    progress: ProgressFactory = SilentProgress,
    tell: Callable[[str], None] = lambda _: None,
    routes: str = "",
) -> Audit:
    """Train the targets, attack them, and write the audit.

    Args:
        settings: what is asked.
        sources: data set, engines and judge; see `open_sources`.
        out: folder of the audit; one that was interrupted is gone on with.
        executor: runs the jobs.
        faces: whether the faces of those most at risk are kept.
        shared: a place that machines share, where shadows and results of jobs are kept.
        progress: of all work but embedding, of which the engines tell.
        tell: is told in a few lines what is going to be done, once the folder is ours.
        routes: the first of these lines: what the engines are.

    Raises:
        UsageError: what was asked for does not fit together, or `out` holds something else.
        DatasetError, PictureError, StorageError: see `plan_trained`.
    """
    check_stated(settings.others, sources.dataset)
    with bind(out, identity(settings, sources), shared=kept_results(shared)) as store:
        if routes:
            tell(routes)
        tell(f"heads on {sources.device}")
        if sources.judge is not None:
            rebuilds = bool(of_goal(settings.others, Goal.RECONSTRUCTION))
            what = "reconstructions judged by" if rebuilds else "records linked to those of"
            tell(f"{what} {sources.judge.backbone.spec.name}")
        plan = plan_trained(
            settings,
            sources,
            store,
            executor,
            shadow_folder=kept_in("shadows", shared),
            progress=progress,
        )
        return run_audit(
            plan,
            out,
            executor,
            store=store,
            progress=progress,
            dataset=sources.dataset,
            pictures=faces,
        )


def open_sources(
    settings: AuditSettings,
    engine: EmbeddingEngine,
    open_data: Callable[[], Dataset],
    device: str,
    *,
    plain: EmbeddingEngine | None = None,
    trust: bool = False,
) -> Sources:
    """What an audit is made from; refuses what cannot be trained before any data is opened.

    Args:
        settings: what is asked.
        engine: embeds pictures as they ask.
        open_data: opens the data set.
        device: where heads are trained, resolved.
        plain: embeds whole pictures, for the prototype's protocol.
        trust: run TorchScript programs, which may do anything.

    Raises:
        UsageError: see `check_targets` and `choose_judge`.
    """
    check_targets(settings, engine, device)
    judge: Route | None = None
    if of_goal(settings.others, Goal.RECONSTRUCTION) or needs_other_network(settings.others):
        asked = None if settings.judge == AUTO else settings.judge
        name = choose_judge(asked, settings.backbones, settings.data)
        judge = open_judge(name, engine, device=settings.device, trust=trust)
    return Sources(open_data(), engine, plain, device, judge)
