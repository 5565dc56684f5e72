"""Asking a head: each channel shows what the head itself says, and decisions follow from scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from facebone.attacks.access import Channel
from facebone.attacks.membership.gradient_norm import LOG_NORM
from facebone.audit.answers import CHANGED_SIDES, REPEATED_QUERIES, answer
from facebone.audit.gallery import Gallery
from facebone.audit.material import Material
from facebone.audit.shadow_heads import train_heads
from facebone.audit.shadows import ask_shadows, pool_rows, train_shadows
from facebone.audit.target import TargetRecipe, make_null_target, make_target
from facebone.data.pairs import Pairs
from facebone.errors import UsageError
from facebone.seeding import make_rng
from facebone.verification.embedded_pairs import EmbeddedPairs
from facebone.verification.heads import LearningHead, PeopleHead
from facebone.verification.heads.probing import probe

SMALL = {"layers": [16, 8], "batch_norm": [], "epochs": 5, "learning_rate": 3e-3}
MLP = TargetRecipe("mlp", "none", {}, "mlp", SMALL)
ROTATED = TargetRecipe("rotated", "facebone", {"assignment": "pair", "query": "mean"}, "mlp", SMALL)
WHITENED = TargetRecipe("whitened", "none", {}, "whitening", {"power": 1.0})
VARYING = TargetRecipe(
    "varying", "facebone", {"assignment": "pair", "query": "random"}, "mlp", SMALL
)


@pytest.fixture(scope="module")
def changing(make_material: Callable[..., Material]) -> Material:
    """Two changed versions of all pictures."""
    plain = make_material()
    rng = np.random.default_rng(1)
    return replace(
        plain,
        changed=tuple(
            tuple(
                (matrix + 0.2 * rng.normal(size=matrix.shape)).astype(np.float32)
                for matrix in plain.matrices
            )
            for _ in range(2)
        ),
    )


def fitted(recipe: TargetRecipe, material: Material) -> tuple[LearningHead, tuple[int, ...]]:
    heads = train_heads(recipe, material, material.pool, [np.arange(0, 300, 2)], [1])
    return heads[0], recipe.columns(material.backbones)


@pytest.mark.parametrize("recipe", [MLP, ROTATED], ids=["mlp", "rotated"])
def test_channels_are_what_the_head_says(changing: Material, recipe: TargetRecipe) -> None:
    head, columns = fitted(recipe, changing)
    pairs = changing.pool
    found = answer(head, changing, pairs, columns, channels=tuple(Channel), seed=3)
    embedded = changing.embedded(pairs, columns)
    assert (found.log_odds[:, 0] == head.logit(embedded)).all()
    assert found.log_odds.shape == (300, 1)
    assert list(found.channels) == list(Channel)
    expected = {
        Channel.THROUGH: head.through(embedded),
        Channel.TEMPLATES: probe(head, embedded, pairs.same, rng=make_rng(0, "template probes")),
        Channel.INSIDE: head.inside(embedded, pairs.same).columns(),
        # It makes no templates of its own: what is stored are the embeddings.
        Channel.COSINE: embedded.cosines().mean(axis=1, dtype=np.float64)[:, None],
        Channel.UNADAPTED: embedded.cosines().mean(axis=1, dtype=np.float64)[:, None],
    }
    for channel, values in expected.items():
        assert found.channels[channel].dtype == np.float32
        np.testing.assert_allclose(found.channels[channel], values, rtol=1e-5, atol=1e-6)


def test_of_an_adapted_head_its_own_templates_are_seen(changing: Material) -> None:
    head, columns = fitted(WHITENED, changing)
    assert isinstance(head, PeopleHead)
    pairs = changing.pool
    found = answer(head, changing, pairs, columns, channels=tuple(Channel), seed=3)
    everyone = np.arange(len(changing.ids))
    templates = head.templates(changing.labelled(everyone, columns).embeddings)
    cosine = [
        float(templates[a].astype(float) @ templates[b].astype(float))
        for a, b in zip(pairs.left, pairs.right, strict=True)
    ]
    np.testing.assert_allclose(found.channels[Channel.COSINE][:, 0], cosine, atol=1e-6)
    public = changing.embedded(pairs, columns).cosines().mean(axis=1)
    np.testing.assert_allclose(found.channels[Channel.UNADAPTED][:, 0], public, atol=1e-6)
    probed = found.channels[Channel.TEMPLATES]
    sign = np.where(pairs.same, 1, -1)
    for column, wanted in enumerate((found.log_odds[:, 0], cosine, public)):
        np.testing.assert_allclose(probed[:, column], wanted * sign, atol=1e-5)
    # The crowd is who is asked about: nobody else's templates count.
    crowd = pairs.pictures()
    for row in range(0, 300, 37):
        for column, picture in ((3, pairs.left[row]), (4, pairs.right[row])):
            others = crowd[changing.people[crowd] != changing.people[picture]]
            likeness = (templates[others].astype(float) @ templates[picture]) ** 2
            assert probed[row, column] == pytest.approx(likeness.mean() ** 0.5, abs=1e-5)


def test_who_holds_the_weights_of_an_adapter_sees_its_people(material: Material) -> None:
    """What is more than of other heads stands behind what attacks look for in its place."""
    recipe = TargetRecipe(
        "adapter", "none", {}, "adapter", {"hidden": [8], "epochs": 2, "keep_centres": True}
    )
    head, columns = fitted(recipe, material)
    pairs = material.pool
    found = answer(head, material, pairs, columns, channels=[Channel.INSIDE], seed=0)
    seen, inside = (
        found.channels[Channel.INSIDE],
        head.inside(material.embedded(pairs, columns), pairs.same),
    )
    assert inside.extra is not None
    assert seen.shape[1] == len(inside.names())
    assert inside.names()[LOG_NORM] == "log gradient"
    whole = np.log(np.linalg.norm(inside.gradient_norms, axis=1))
    np.testing.assert_allclose(seen[:, LOG_NORM], whole, rtol=1e-5)
    extra = inside.extra.shape[1]
    assert extra == len(inside.extra_names) > 0
    np.testing.assert_allclose(seen[:, -extra:], inside.extra, rtol=1e-5)
    assert (inside.extra.std(axis=0) > 0).any()


def test_blind_answers_show_of_templates_what_the_target_shows(material: Material) -> None:
    """Only then the same attack can be run without the target."""
    wanted = [Channel.TEMPLATES, Channel.COSINE, Channel.UNADAPTED]
    for recipe in (WHITENED, MLP):
        table = make_target(recipe, material, seed=0, channels=wanted).table
        assert table.blind is not None
        seen, blind = table.answers.channels, table.blind.channels
        for channel in wanted:
            assert seen[channel].shape == blind[channel].shape
        assert (seen[Channel.UNADAPTED] == blind[Channel.UNADAPTED]).all()
        assert (blind[Channel.COSINE] == blind[Channel.UNADAPTED]).all()
        assert (seen[Channel.COSINE] == seen[Channel.UNADAPTED]).all() == (recipe is MLP)
    sign = np.where(table.same, 1, -1)
    table = make_target(WHITENED, material, seed=0, channels=wanted).table
    assert table.blind is not None
    templates, cosine = (table.blind.channels[c][:, :2] for c in wanted[:2])
    np.testing.assert_allclose(templates[:, 1], cosine[:, 0] * sign, atol=1e-6)


def test_variants_are_all_versions_on_both_sides_and_on_each(changing: Material) -> None:
    """An oracle: the changed pictures put in the place of the others, side by side, by hand."""
    head, columns = fitted(MLP, changing)
    pairs = changing.pool
    found = answer(head, changing, pairs, columns, channels=[Channel.VARIANTS], seed=0)
    variants = found.channels[Channel.VARIANTS]
    assert variants.shape == (300, 2 * len(CHANGED_SIDES))
    expected = []
    for changed in changing.changed:
        for left, right in ((True, True), (True, False), (False, True)):
            rows_left, rows_right = (
                EmbeddedPairs.gather(
                    changed if is_changed else changing.matrices,
                    Pairs(side, side, pairs.same),
                ).left
                for side, is_changed in ((pairs.left, left), (pairs.right, right))
            )
            expected.append(head.logit(EmbeddedPairs(rows_left, rows_right)))
    np.testing.assert_allclose(variants, np.stack(expected, axis=1), atol=1e-3)
    assert (variants[:, 0] != variants[:, 1]).any()


@pytest.mark.parametrize("recipe", [MLP, VARYING], ids=["mlp", "varying"])
def test_decisions_are_those_about_the_pair_and_its_variants(
    changing: Material, recipe: TargetRecipe
) -> None:
    head, columns = fitted(recipe, changing)
    wanted = [Channel.DECISIONS, Channel.VARIANTS]
    found = answer(head, changing, changing.pool, columns, channels=wanted, seed=2)
    decisions, variants = found.channels[Channel.DECISIONS], found.channels[Channel.VARIANTS]
    odds = np.column_stack([found.log_odds[:, 0], variants])
    assert decisions.shape == odds.shape
    assert set(np.unique(decisions)) == {0, 1}
    for row in range(0, 300, 11):
        for query in range(odds.shape[1]):
            says_same = odds[row, query] >= 0
            assert decisions[row, query] == (says_same == changing.pool.same[row])
    # What is asked for alone is what is asked for beside others.
    alone = answer(head, changing, changing.pool, columns, channels=wanted[:1], seed=2)
    assert (alone.channels[Channel.DECISIONS] == decisions).all()
    assert Channel.VARIANTS not in alone.channels


def test_answers_that_vary_are_asked_often_and_drawn_by_the_seed(changing: Material) -> None:
    head, columns = fitted(VARYING, changing)
    first, again, other = (
        answer(head, changing, changing.pool, columns, seed=seed).log_odds for seed in (1, 1, 2)
    )
    assert first.shape == (300, REPEATED_QUERIES)
    assert (first == again).all()
    assert (first != other).any()
    assert (first[:, 0] != first[:, 1]).any()
    ways = head.through(changing.embedded(changing.pool, columns))
    assert np.isclose(first[:, :, None], ways[:, None, :]).any(axis=2).all()


def test_changed_pictures_that_were_not_embedded_are_said(material: Material) -> None:
    head, columns = fitted(MLP, material)
    for channel in (Channel.VARIANTS, Channel.DECISIONS):
        with pytest.raises(UsageError, match="changed pictures were not embedded"):
            answer(head, material, material.pool, columns, channels=[channel], seed=0)


def test_a_gallery_needs_no_pairs_of_its_own(material: Material) -> None:
    plain = Gallery(material.backbones, material.matrices, material.ids, material.people)
    head, columns = fitted(MLP, material)
    first, second = (
        answer(head, one, material.pool, columns, seed=0).log_odds for one in (plain, material)
    )
    assert (first == second).all()


def test_a_pair_meets_the_same_noise_at_a_target_as_at_its_shadows(material: Material) -> None:
    """The same head in both places says the same: only then a difference tells of training."""
    wanted = [Channel.TEMPLATES]
    recipe = TargetRecipe("logistic", "none", head="logistic")
    heads = train_shadows(recipe, material, seed=0, numbers=range(2))
    batch = ask_shadows(heads, recipe, material, seed=0, numbers=range(2), channels=wanted)
    noisy = slice(2, -1)
    for table in (
        make_target(recipe, material, seed=4, channels=wanted).table,
        make_null_target(recipe, material, seed=4, channels=wanted),
    ):
        rows = pool_rows(material, seed=4)
        own = table.answers.channels[Channel.TEMPLATES][: len(rows)]
        shadows = batch.channels[Channel.TEMPLATES][:, rows]
        # The cosine depends on the pair alone. How far noise moves an answer does on the noise too.
        np.testing.assert_allclose(own[:, 1], shadows[0, :, 1], atol=1e-6)
        moved = [np.abs(one[:, noisy] - one[:, :1])[:, 0] for one in (own, *shadows)]
        assert np.corrcoef(moved)[0, 1:].min() > 0.5
