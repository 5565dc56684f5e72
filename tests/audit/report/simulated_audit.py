"""A whole audit of simulated verifiers: every figure is worked out from the scores it is about."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from facebone.audit.artefacts import SCORES_COLUMNS, write_audit, write_scores
from facebone.audit.at_risk import find_at_risk
from facebone.audit.bought import Bought
from facebone.audit.calibration import calibrate
from facebone.audit.disclosure import disclose, pool_disclosures
from facebone.audit.pooling import pool_bought, to_schema
from facebone.audit.schema import (
    Accuracies,
    AttackResult,
    AucOnly,
    Audit,
    BoughtFigures,
    ClaimFigures,
    DataFacts,
    DisclosureFigures,
    Distances,
    E,
    EpsilonFigure,
    Interval,
    ReferenceProtocol,
    ReferenceTarget,
    Refusal,
    SeedFigure,
    SelfTest,
    ShadowFidelity,
    TargetResult,
    UtilityFigures,
)
from facebone.audit.thumbnails import Thumbnail, wanted_pictures, write_pictures
from facebone.seeding import make_rng
from facebone.verification.change import Change, measure_change
from facebone.verification.estimates import Refused
from facebone.verification.intervals import bootstrap, clopper_pearson, percentile_interval
from facebone.verification.metrics import auc, mismatched_needed, tar_at_far
from facebone.verification.utility import Utility, measure_utility

REPLICATES = 60

PEOPLE = 500
"""From whom pairs are drawn."""


@dataclass(frozen=True)
class Simulated:
    """A verifier that tells people apart by `skill` and remembers members by `memory`."""

    name: str
    mitigation: str
    skill: float
    memory: float
    description: str = "a verifier of the simulation"
    level: str = "pair"


TARGETS = (
    Simulated(
        "none:backbones=tiny_plain",
        "none",
        1.15,
        0.55,
        "the head learns from the embeddings as they are",
    ),
    Simulated(
        "facebone:assignment=pair,query=mean",
        "facebone",
        1.35,
        0.30,
        "every pair learns from a backbone drawn for it; queries meet the mean of four",
    ),
    Simulated(
        "facebone:assignment=fusion",
        "facebone",
        1.75,
        0.02,
        "logistic regression of the similarities of four backbones",
    ),
    Simulated(
        "none @identity",
        "none",
        1.15,
        0.85,
        "the embeddings are adapted to a half of the people",
        level="identity",
    ),
)

ATTACKS: dict[str, tuple[str, bool, Callable[..., np.ndarray]]] = {
    "loss_threshold": (
        "calls a member what the target is sure and right about",
        False,
        lambda odds, same, rng: np.where(same, odds, -odds),
    ),
    "modified_entropy": (
        "entropy of the answer, counted against the target where it is wrong",
        False,
        lambda odds, same, rng: np.tanh(np.where(same, odds, -odds) / 3),
    ),
    "gap": (
        "calls a member what the target decides rightly",
        False,
        lambda odds, same, rng: ((odds >= 0) == same).astype(float),
    ),
    "art_gb": (
        "gradient boosting on the score and the label, from ART",
        True,
        lambda odds, same, rng: np.where(same, odds, -odds) + rng.normal(0, 2.5, len(odds)),
    ),
}


def write_simulated_audit(folder: Path, *, faces: bool = False, **settings: object) -> Path:
    """Write audit.json, scores.parquet and perhaps drawn faces of a simulated audit."""
    audit, table = simulated_audit(**settings)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    write_audit(audit, folder)
    write_scores(table, folder)
    if faces:
        write_pictures(list(drawn_faces(audit, table).values()), folder)
    return folder


def drawn_faces(audit: Audit, table: pa.Table) -> dict[str, Thumbnail]:
    """A drawing of everybody who is most at risk, by id of the picture."""
    owner: dict[str, str | None] = {}
    for side in ("left", "right"):
        ids, people = table[side].to_pylist(), table[f"person_{side}"].to_pylist()
        owner |= dict(zip(ids, people, strict=True))
    of: dict[str, list[str]] = {}
    for id_, person in owner.items():
        of.setdefault(str(person), []).append(id_)
    wanted = wanted_pictures(find_at_risk(audit, table), of)
    return {id_: Thumbnail(id_, str(owner[id_]), draw_face(str(owner[id_]))) for id_ in wanted}


def draw_face(person: str) -> bytes:
    """A JPEG of a head: the same colours for the same person."""
    from PIL import Image, ImageDraw

    rng = make_rng(5, "face", person)
    ground, skin, hair, shirt = (
        tuple(int(c) for c in rng.integers(low, high, 3))
        for low, high in ((150, 230), (140, 235), (20, 110), (60, 180))
    )
    image = Image.new("RGB", (96, 96), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 78, 86, 140), fill=shirt)
    draw.ellipse((24, 10, 72, 64), fill=hair)
    draw.ellipse((29, 22, 67, 80), fill=skin)
    for x in (40, 56):
        draw.ellipse((x - 3, 43, x + 3, 49), fill=(30, 30, 30))
    draw.arc((39, 54, 57, 70), 20, 160, fill=(90, 30, 30), width=2)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def simulated_audit(
    *,
    targets: Sequence[Simulated] = TARGETS,
    attacks: Sequence[str] = tuple(ATTACKS),
    pairs: int = 6000,
    seeds: Sequence[int] = (0, 1),
    people: bool = True,
    reference: bool = True,
) -> tuple[Audit, pa.Table]:
    """An audit and its scores; every figure is computed from the scores."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in SCORES_COLUMNS}
    results = [
        _target(target, attacks, pairs, seeds, people=people, columns=columns) for target in targets
    ]
    table = pa.table(
        {
            name: pa.array(np.concatenate(columns[name]), type=kind, from_pandas=True)
            for name, kind in SCORES_COLUMNS.items()
        }
    )
    planted = make_rng(7, "planted").normal(size=2000)
    member = np.arange(2000) % 2 == 0
    found = _auc([(planted + 4.0 * member, member, None)])
    quiet = _auc([(planted, member, None)])
    audit = Audit(
        facebone_version="0.1.0",
        created="2024-05-17T09:30:00+00:00",
        seed=seeds[0],
        seeds=list(seeds),
        command=f"facebone audit --data synthetic --backbone tiny_plain --backbone tiny_mobile "
        f"--backbone tiny_residual --backbone tiny_mixer --mitigation {targets[0].name} --seeds "
        f"{len(seeds)} --seed {seeds[0]} --out DIR",
        environment={
            "python": "3.11.9",
            "system": "Linux x86_64",
            "processor": "a processor with a name of some length @ 2.60GHz",
            "cores": 2,
            "device": "cpu",
            "packages": {"numpy": "2.1.0", "torch": "2.13.0", "scikit-learn": "1.6.1"},
        },
        data=DataFacts(
            name="synthetic",
            people=600,
            images=4200,
            pairs=pairs,
            fingerprint="8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92",
            alignment="five-point",
            control_people=90,
            control_pairs=pairs // 4,
            copies=3,
        ),
        targets=results,
        self_tests=[
            SelfTest(
                name="planted leak",
                summary="membership copied into the last bits of the score is found, AUC > 0.95",
                attack="score_bits",
                auc=found,
                passed=True,
            ),
            SelfTest(
                name="absent leak",
                summary="a target trained on other people scores 0.5 within its interval",
                attack="loss_threshold",
                auc=quiet,
                passed=True,
            ),
        ],
        reference_protocol=_reference(results) if reference else None,
        warnings=["synthetic faces are easier than photographs: judge methods by them, not people"],
    )
    return audit, table


def _target(
    target: Simulated,
    attacks: Sequence[str],
    pairs: int,
    seeds: Sequence[int],
    *,
    people: bool,
    columns: dict[str, list[np.ndarray]],
) -> TargetResult:
    samples: dict[str, list[tuple]] = {name: [] for name in attacks}
    controls: dict[str, list[tuple]] = {name: [] for name in attacks}
    blinds: dict[str, list[tuple]] = {name: [] for name in attacks}
    utilities, trained, bought = [], [], []
    for seed in seeds:
        rng = make_rng(seed, "simulated", target.name)
        count = pairs + pairs // 4
        same = np.arange(count) % 2 == 0
        candidate = np.arange(count) < pairs
        # Who is on a picture does not change from seed to seed.
        drawn_people = make_rng(0, "simulated people")
        left = drawn_people.integers(0, PEOPLE, count)
        other = (left + drawn_people.integers(1, PEOPLE, count)) % PEOPLE
        right = np.where(same, left, other)
        member = candidate & (rng.permutation(count) % 2 == 0)
        drawn = ~candidate & (rng.permutation(count) % 2 == 0)
        likeness = np.where(same, 1.0, -1.0) * target.skill + rng.normal(0, 1, count)
        recalled = target.memory * np.abs(rng.normal(0, 1, count)) * member
        odds = 3.0 * (likeness + np.where(same, recalled, -recalled))
        blind_odds = 3.0 * (np.where(same, 0.9, -0.9) + rng.normal(0, 1, count))
        score = 1 / (1 + np.exp(-odds))
        who = np.array([f"person {i:03d}" for i in range(max(count, PEOPLE))])
        known = (left[candidate], right[candidate])
        out = candidate & ~member
        utilities.append(
            measure_utility(
                odds[out], same[out], people=(left[out], right[out]), seed=seed, replicates=60
            )
        )
        trained.append(float(np.mean((odds[member] >= 0) == same[member])))
        bought.append(_bought(odds, blind_odds, same, (left, right), member, out))
        pictures = np.array([f"picture {i}" for i in range(count)])
        ids = (pictures, np.char.add(pictures, "b"))
        if target.level != "pair":
            # A candidate is asked about by pairs that match: the more it is known, the surer.
            same = np.ones(count, bool)
            odds = 3.0 * (target.skill + rng.normal(0, 1, count) + recalled)
            blind_odds = 3.0 * (0.9 + rng.normal(0, 1, count))
            left = right = np.arange(count) // (4 if target.level == "image" else 1)
            known = (left[candidate], right[candidate])
            score = 1 / (1 + np.exp(-odds))
            ids = (pictures, pictures) if target.level == "image" else (who[left], who[left])
        for name in attacks:
            attack = ATTACKS[name][2](odds, same, rng)
            blind = ATTACKS[name][2](blind_odds, same, rng)
            samples[name].append((attack[candidate], member[candidate], known))
            blinds[name].append((blind[candidate], member[candidate], known))
            controls[name].append(
                (attack[~candidate], drawn[~candidate], (left[~candidate], right[~candidate]))
            )
            risk = calibrate(attack[candidate], member[candidate]).risk(attack)
            kind = np.where(candidate, np.where(member, "member", "non_member"), "control")
            values = {
                "target": np.full(count, target.name, dtype=object),
                "seed": np.full(count, seed),
                "attack": np.full(count, name, dtype=object),
                "left": ids[0],
                "right": ids[1],
                "person_left": who[left] if people else np.full(count, None),
                "person_right": who[right] if people else np.full(count, None),
                "same": same,
                "membership": kind,
                "drawn": np.where(candidate, None, drawn),
                "verifier_score": score,
                "attack_score": attack,
                "claimed": attack >= np.median(attack),
                "risk": risk,
            }
            for column, value in values.items():
                columns[column].append(np.asarray(value, dtype=object))
    found = [
        _attack(name, target.level, samples[name], controls[name], blinds[name], seeds)
        for name in attacks
    ]
    ranked = sorted(found, key=lambda one: one.auc.value, reverse=True)  # type: ignore[union-attr]
    accuracy_on_members = float(np.mean(trained))
    on_others = float(np.mean([one.accuracy.value for one in utilities]))
    return TargetResult(
        name=target.name,
        level=target.level,
        mitigation=target.mitigation,
        mitigation_settings=dict(
            part.split("=") for part in target.name.partition(":")[2].split(",") if "=" in part
        ),
        description=target.description,
        backbones=["tiny_plain", "tiny_mobile", "tiny_residual", "tiny_mixer"],
        head="mlp",
        head_settings={"epochs": 30},
        utility=_utility(utilities),
        accuracy_on_members=_mean(
            [clopper_pearson(round(a * pairs / 2), pairs // 2) for a in trained]
        ),
        accuracy_by_seed=[
            SeedFigure(seed=seed, value=utility.accuracy.value)
            for seed, utility in zip(seeds, utilities, strict=True)
        ],
        shadow_fidelity=ShadowFidelity(
            count=8,
            target=Accuracies(on_members=accuracy_on_members, on_others=on_others),
            shadows=Accuracies(on_members=accuracy_on_members, on_others=on_others),
            deviation=Accuracies(on_members=0.01, on_others=0.01),
            distance=Distances(on_members=0.04, on_others=0.03),
            usual_distance=Distances(on_members=0.07, on_others=0.06),
            alike=True,
        ),
        bought=pool_bought(bought),
        attacks=found,
        strongest=ranked[0].name if ranked else "",
        seconds=12.0,
    )


def _bought(
    odds: np.ndarray,
    blind: np.ndarray,
    same: np.ndarray,
    people: tuple[np.ndarray, np.ndarray],
    member: np.ndarray,
    out: np.ndarray,
) -> BoughtFigures:
    """Beside a verifier that knows nobody; in other domains both know less."""
    rng = make_rng(1, "simulated domains")

    def gain(rows: np.ndarray, noise: float = 0.0) -> Change:
        before, after = (
            values[rows] + noise * rng.normal(0, 3, int(rows.sum())) for values in (blind, odds)
        )
        sides = (people[0][rows], people[1][rows])
        return measure_change(
            before, after, same[rows], people=sides, seed=0, replicates=REPLICATES
        )

    kinds = {"unaligned": 1.5, "low_resolution": 0.5, "blurred": 1.0, "occluded": 0.8}
    found = Bought(
        "mean cosine of tiny_plain, tiny_mobile, tiny_residual and tiny_mixer",
        gain(member),
        gain(out),
        {kind: gain(out, noise) for kind, noise in kinds.items()},
    )
    return BoughtFigures.model_validate(found.to_json())


def _attack(
    name: str,
    level: str,
    samples: list[tuple],
    controls: list[tuple],
    blinds: list[tuple],
    seeds: Sequence[int],
) -> AttackResult:
    summary, adaptive, _ = ATTACKS[name]
    area, control, blind = _auc(samples), _auc(controls), _auc(blinds)
    scores, member, _ = samples[0]
    balanced = []
    for values, truth, _ in samples:
        claimed = values > np.median(values)
        balanced.append((claimed[truth].mean() + (~claimed[~truth]).mean()) / 2)
    return AttackResult(
        name=name,
        summary=summary,
        goal="membership",
        access="decision" if name == "gap" else "score",
        level=level,
        knowledge="the label of every candidate, and half of the memberships"
        if adaptive
        else "the label of every candidate",
        adaptive=adaptive,
        ask="repeated" if adaptive else "once",
        probes=5 if level == "identity" else None,
        queries=16 if adaptive else 1,
        members=int(member.sum()),
        non_members=int((~member).sum()),
        member_share=float(member.mean()),
        auc=area,
        balanced_accuracy=_mean(
            [clopper_pearson(round(b * len(scores)), len(scores)) for b in balanced]
        ),
        tpr_at_fpr={f"{fpr:g}": _tpr(samples, fpr) for fpr in (0.01, 0.001)},
        control=AucOnly(auc=control),
        baseline=AucOnly(auc=blind),
        beats_control=area.low > control.high,
        beats_baseline=area.low > blind.high,
        auc_by_seed=[
            SeedFigure(seed=seed, value=auc(sample[0], sample[1]))
            for seed, sample in zip(seeds, samples, strict=True)
        ],
        disclosure=_disclosure(samples, seeds),
        seconds=1.5,
    )


def _disclosure(samples: list[tuple], seeds: Sequence[int]) -> DisclosureFigures:
    """Thresholds from every second candidate, claims about the others."""
    parts = [
        disclose(scores[1::2], member[1::2], calibrate(scores[::2], member[::2]))
        for scores, member, _ in samples
    ]
    found = pool_disclosures(parts)
    at_fpr = {}
    for fpr, rates in found.at_fpr.items():
        if isinstance(rates, Refused):
            refused = to_schema(rates)
            claims = ClaimFigures(
                tpr=refused, fpr=refused, precision_at_prior={"0.01": refused, "0.1": refused}
            )
        else:
            precision = rates.precision_at_prior.items()
            claims = ClaimFigures(
                tpr=to_schema(rates.tpr),
                fpr=to_schema(rates.fpr),
                precision_at_prior={f"{prior:g}": to_schema(figure) for prior, figure in precision},
            )
        at_fpr[f"{fpr:g}"] = claims
    bounds = found.epsilon_by_seed
    return DisclosureFigures(
        chosen_on="known half",
        at_fpr=at_fpr,
        epsilon=EpsilonFigure(
            lower_bound=found.epsilon,
            confidence=bounds[0].confidence,
            delta=bounds[0].delta,
            by_seed=[
                SeedFigure(seed=seed, value=bound.value)
                for seed, bound in zip(seeds, bounds, strict=True)
            ],
        ),
    )


def _auc(samples: list[tuple]) -> Interval:
    found = []
    for scores, member, people in samples:
        replicates = bootstrap(
            scores,
            member,
            people=people,
            fars=(),
            rng=make_rng(0, "simulated"),
            replicates=REPLICATES,
        )[0]
        found.append(percentile_interval(auc(scores, member), replicates))
    return _mean(found)


def _tpr(samples: list[tuple], fpr: float) -> E:
    others = min(int((~member).sum()) for _, member, _ in samples)
    if others < mismatched_needed(fpr):
        return Refusal(
            refused=f"TPR at FPR {fpr:g} needs at least {mismatched_needed(fpr)} non-members, "
            f"got {others}"
        )
    found = []
    for scores, member, _ in samples:
        members = int(member.sum())
        found.append(clopper_pearson(round(tar_at_far(scores, member, fpr) * members), members))
    return _mean(found)


def _utility(utilities: list[Utility]) -> UtilityFigures:
    rates = utilities[0].tar_at_far
    return UtilityFigures(
        accuracy=_mean([one.accuracy for one in utilities]),
        auc=_mean([one.auc for one in utilities]),
        eer=_mean([one.eer for one in utilities]),
        tar_at_far={f"{far:g}": _mean([one.tar_at_far[far] for one in utilities]) for far in rates},
    )


def _mean(figures: list) -> E:
    for figure in figures:
        if hasattr(figure, "reason"):
            return Refusal(refused=figure.reason)
    return Interval(
        value=float(np.mean([figure.value for figure in figures])),
        low=float(np.mean([figure.low for figure in figures])),
        high=float(np.mean([figure.high for figure in figures])),
    )


def _reference(results: list[TargetResult]) -> ReferenceProtocol:
    rng = make_rng(3, "simulated reference")
    targets = []
    for result in results:
        right = int(rng.integers(4000, 4700))
        targets.append(
            ReferenceTarget(
                name=result.name,
                mitigation=result.mitigation,
                backbones=result.backbones,
                head=result.head,
                utility_accuracy=_mean([clopper_pearson(930, 1200)]),
                attack="art_gb",
                attack_accuracy=_mean([clopper_pearson(right, 4800)]),
                control_accuracy=_mean([clopper_pearson(right - 60, 4800)]),
                members=4800,
                non_members=1200,
            )
        )
    return ReferenceProtocol(
        alignment="none",
        member_share=0.8,
        why_it_misleads=[
            "the attack is scored on the pairs it was fitted to",
            "four of five candidates are members, so that always answering member scores 0.80",
            "people and pictures stand on both sides of the split",
        ],
        targets=targets,
    )


HOSTILE = [
    "<script>document.title='run'</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></svg></style><b>",
    "$\\frac{1}$ {{ 7*7 }} {% raw %}",
    "id=\"x\" url(#y) transform='rotate(-0 1 1)'",
    "\u4e2d\u6587 \u0627\u0644 \U0001f600 a\u0000b\nc\u202ed",
]


def hostile_audit() -> tuple[Audit, pa.Table]:
    """Every text of an audit made by somebody who means harm."""
    audit, table = simulated_audit(
        targets=[Simulated(name, "none", 1.2, 6.0) for name in HOSTILE[::2]],
        attacks=["loss_threshold"],
        pairs=300,
        seeds=(0,),
    )
    raw = json.loads(audit.model_dump_json())

    def spoil(value: object, name: str = "") -> object:
        if isinstance(value, dict):
            return {key: spoil(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [spoil(one, name) for one in value]
        kept = (
            *("schema_version", "level", "name", "strongest", "mitigation", "created"),
            "chosen_on",
        )
        return (
            HOSTILE[len(name) % len(HOSTILE)]
            if isinstance(value, str) and name not in kept
            else value
        )

    raw["environment"] = {HOSTILE[0]: {HOSTILE[1]: [HOSTILE[2]]}}
    attack = HOSTILE[1]
    for target in raw["targets"]:
        target["strongest"] = target["attacks"][0]["name"] = attack
    raw["created"] = HOSTILE[0]
    spoilt = Audit.model_validate(spoil(raw))
    texts = {"attack": [attack] * len(table)}
    for column in ("left", "right", "person_left", "person_right"):
        ids = table[column].to_pylist()
        texts[column] = [f"{HOSTILE[len(one) % len(HOSTILE)]}{one}" for one in ids]
    for column, values in texts.items():
        at = table.column_names.index(column)
        table = table.set_column(at, column, pa.array(values, pa.string()))
    return spoilt, table
