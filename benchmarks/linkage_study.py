"""How well templates of real faces are linked: across backbones, under secret keys, and to names.

LFW people with two pictures or more are in both databases, by different pictures; the anchors are
people with one picture. One half of both chose the settings of the attacks, the other half is
reported. A list of names is added to the pictures of names. Writes results/linkage_study.json.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.results_file import write_result
from facebone.attacks.linkage.base import LINKAGES
from facebone.attacks.linkage.figures import measure_linkage
from facebone.attacks.linkage.open_set_figures import measure_open_set
from facebone.attacks.linkage.records import Records, Shared, deal
from facebone.attacks.linkage.trial import run_linkage
from facebone.attacks.linkage.view import Anchors, LinkageView
from facebone.audit.linkage.listed import draw_list, with_list
from facebone.config import assets_folder
from facebone.progress import for_console

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]

BACKBONES = ("a", "b", "dlib")
ANCHORS = (0, 32, 64, 128, 256, 1000)
"""With 0 of them `unaligned` is run."""
LISTS = ((0.6, 0.4), (0.8, 0.2), (0.95, 0.05))
"""Shares of those in the database, and of the others, who stand on a list of names."""
REPLICATES, DIFFERENT = 200, 20_000
"""Resamples, and pairs of different people that are looked at."""
SEED = 1


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """LFW's reported half.

    Args:
        embeddings: name, such as ``a_aligned`` -> (N, d), rows of length one.
        person: (N,) whom each picture shows.
        several: people of the reported half who have two pictures or more.
        single: people of that half who have one.
        shared: pictures of the first, dealt to two databases.
    """

    embeddings: dict[str, Floats]
    person: Names
    several: Names
    single: Names
    shared: Shared

    def fused(self, names: Sequence[str]) -> Floats:
        """Embeddings of several backbones side by side."""
        return np.concatenate([self.embeddings[name] for name in names], axis=1)

    def anchor_rows(self, count: int) -> npt.NDArray[np.intp]:
        """Pictures of the first so many of the anchors."""
        return np.flatnonzero(np.isin(self.person, self.single[:count]))


def load() -> Faces:
    """The embeddings, and the half of the people that no setting was chosen by."""
    folder = assets_folder()
    if folder is None:
        raise SystemExit("FACEBONE_ASSETS is not set")
    stored = np.load(folder / "lfw" / "view2_embeddings.npz")
    person = np.array([name.rsplit("_", 1)[0] for name in stored["names"]])
    names, count = np.unique(person, return_counts=True)
    single, several = names[count == 1], names[count >= 2]
    rng = np.random.default_rng(0)
    for group in (single, several):
        rng.shuffle(group)
    # The first halves chose settings.
    single, several = single[len(single) // 2 :], several[len(several) // 2 :]
    embeddings = {}
    for name in stored.files:
        if name != "names":
            rows = stored[name].astype(np.float64)
            embeddings[name] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return Faces(embeddings, person, several, single, deal(person, several, seed=SEED))


def key(width: int, number: int) -> Floats:
    """A secret rotation."""
    rng = np.random.default_rng((SEED, number))
    rotation: Floats = np.linalg.qr(rng.normal(size=(width, width)))[0]
    return rotation


def linked(
    faces: Faces,
    attack: str,
    one: Floats,
    two: Floats,
    anchors: int = 0,
    same_pictures: bool = False,
) -> dict[str, Any]:
    """Figures of an attack on records under `one` and under `two`, both of all pictures."""
    first = Records.enrol(one, faces.person, faces.shared.first)
    rows = faces.shared.first if same_pictures else faces.shared.second
    second = Records.enrol(two, faces.person, rows)
    known = None
    if anchors:
        at = faces.anchor_rows(anchors)
        known = Anchors(one[at], two[at], faces.person[at])
    view = LinkageView(first.templates, second.templates, known)
    done = run_linkage(LINKAGES.make(attack), view, first.person, second.person, seed=SEED)
    figures, control = (
        measure_linkage(
            scores, first.person, people, seed=SEED, replicates=REPLICATES, most=DIFFERENT
        )
        for scores, people in (
            (done.scores, second.person),
            (done.control, done.control_second),
        )
    )
    return {
        "attack": attack,
        "anchors": anchors,
        **figures.to_json(),
        "control": {"auc": control.auc.to_json(), "rank_one": control.rank_one.to_json()},
    }


def across_backbones(faces: Faces, one: str, two: str) -> list[dict[str, Any]]:
    """Linking records of one backbone to those of another, by the number of anchors."""
    matrices = faces.embeddings[f"{one}_aligned"], faces.embeddings[f"{two}_aligned"]
    return [
        {"first": one, "second": two}
        | linked(faces, "linear_alignment" if count else "unaligned", *matrices, count)
        for count in ANCHORS
    ]


def under_keys(faces: Faces, names: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
    """Linking records of the same backbones, side by side, under two secret rotations."""
    fused = faces.fused([f"{name}_aligned" for name in names])
    one, two = fused @ key(fused.shape[1], 0), fused @ key(fused.shape[1], 1)
    about = {"backbones": list(names), "width": fused.shape[1]}
    rows = [
        about | {"keys": "one"} | linked(faces, "direct", one, one),
        about | {"keys": "two"} | linked(faces, "direct", one, two),
        about | {"keys": "two"} | linked(faces, "unaligned", one, two),
        about
        | {"keys": "two, same pictures"}
        | linked(faces, "unaligned", one, two, same_pictures=True),
    ]
    return rows + [
        about | {"keys": "two"} | linked(faces, "linear_alignment", one, two, count)
        for count in counts
    ]


def named(
    faces: Faces, name: str, normalise: bool, shares: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Finding named people in a database that half of them are in.

    With a list the attacker has the shares of those in the database, and of the others, who stand
    on it.
    """
    rows = faces.embeddings[name]
    public = Records.enrol(rows, faces.person, faces.shared.first)
    leaked = Records.enrol(rows, faces.person, faces.shared.second)
    enrolled = np.isin(leaked.person, faces.several[::2])
    view = LinkageView(
        public.templates, leaked.templates[enrolled], cohort=rows[faces.anchor_rows(400)]
    )
    attack = LINKAGES.make("open_set_identification", {"normalise": normalise})
    scores, records = attack.link(view, seed=SEED), leaked.person[enrolled]
    about: dict[str, Any] = {"embedding": name, "normalised": normalise}
    if shares is not None:
        hit, wrong = shares
        listed = draw_list(np.isin(public.person, records), hit=hit, wrong=wrong, seed=SEED)
        scores = with_list(scores, public.person, records, listed, seed=SEED)
        about |= {"hit": hit, "wrong": wrong}
    return about | measure_open_set(scores, public.person, records, seed=SEED).to_json()


def main() -> int:
    faces = load()
    pairs = [(one, two) for i, one in enumerate(BACKBONES) for two in BACKBONES[i + 1 :]]
    keyed = [((name,), (32, 128)) for name in BACKBONES] + [(BACKBONES, (32, 128, 385, 1000))]
    opened: list[tuple[Any, ...]] = [
        (f"{name}_{how}", normalise)
        for name in BACKBONES
        for how in ("aligned", "plain")
        for normalise in (False, True)
    ]
    opened += [
        (f"{name}_{how}", True, shares)
        for name in BACKBONES
        for how in ("aligned", "plain")
        for shares in LISTS
    ]
    figures: dict[str, Any] = {"people": len(faces.several)}
    with for_console("linking", len(pairs) + len(keyed) + len(opened)) as progress:
        for title, study, tasks in (
            ("across backbones", across_backbones, pairs),
            ("under keys", under_keys, keyed),
            ("named", named, opened),
        ):
            found: list[Any] = []
            for task in tasks:
                result = study(faces, *task)
                found += result if isinstance(result, list) else [result]
                progress.advance(1)
            figures[title] = found
    write_result("linkage_study", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
