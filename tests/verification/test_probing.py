"""Probing a head with templates near a pair's, against a loop that asks about one at a time."""

from __future__ import annotations

import numpy as np
import pytest

from facebone.errors import UsageError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads import make_head, probe, probe_names, probing
from facebone.verification.heads.logistic import LogisticHead

MLP = {"layers": [8, 4], "batch_norm": [1], "epochs": 3, "learning_rate": 1e-2}


def data(pairs=40, widths=(6, 4), seed=0):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    sides = ([], [])
    for width in widths:
        a = rng.normal(size=(pairs, width))
        b = np.where(same[:, None], a, 0) + rng.normal(size=a.shape)
        for side, matrix in zip(sides, (a, b), strict=True):
            side.append(normalise(matrix.astype(np.float32)))
    return EmbeddedPairs(tuple(sides[0]), tuple(sides[1])), same


def fitted(name="mlp", settings=None, widths=(6, 4), seed=0):
    head = make_head(name, MLP | (settings or {}) if name == "mlp" else settings)
    head.fit(*data(60, widths), seed=seed)
    return head


class Remembers(LogisticHead):
    """Keeps what it is asked about."""

    def quick_logit(self, pairs):
        self.asked = [*getattr(self, "asked", []), pairs]
        return super().quick_logit(pairs)


def remembering(widths=(6, 4)):
    head = Remembers()
    head.fit(*data(60, widths), seed=0)
    return head


def noisy(head):
    """All noisy templates of the left and of the right that a head was asked about, one scale."""
    *asked, _, _ = head.asked
    return (np.concatenate([np.hstack(getattr(p, s)) for p in asked]) for s in ("left", "right"))


def one_at_a_time(head, pairs, same, rng, draws, scales):
    """The definition, in float64, template by template."""
    rows = []
    for i in range(len(pairs)):
        sign = 1.0 if same[i] else -1.0
        noise = rng.standard_normal((draws, 2, sum(pairs.dimensions)), dtype=np.float32)

        def margin(left, right, sign=sign):
            made = [tuple(x[None].astype(np.float32) for x in side) for side in (left, right)]
            return sign * head.logit(EmbeddedPairs(*made))[0]

        def moved(side, part, scale, i=i):
            begin, made = 0, []
            for matrix in side:
                width = matrix.shape[1]
                step = part[begin : begin + width].astype(np.float64)
                template = matrix[i] + scale / width**0.5 * step
                made.append(template / np.linalg.norm(template))
                begin += width
            return made

        left, right = [m[i] for m in pairs.left], [m[i] for m in pairs.right]
        row = [margin(left, right)]
        row.append(np.mean([a @ b for a, b in zip(left, right, strict=True)]))
        for scale in scales:
            answers = [
                margin(moved(pairs.left, n[0], scale), moved(pairs.right, n[1], scale))
                for n in noise
            ]
            row += [np.mean(answers), np.std(answers)]
        rows.append([*row, margin(right, left)])
    return np.array(rows)


@pytest.mark.parametrize("name", ["mlp", "products"])
@pytest.mark.parametrize("widths", [(6,), (6, 4)])
def test_is_what_a_loop_over_templates_finds(name, widths):
    head = fitted(name, widths=widths)
    pairs, same = data(8, widths, seed=1)
    found = probe(head, pairs, same, rng=np.random.default_rng(5), draws=3, scales=(0.1, 0.3, 1.0))
    wanted = one_at_a_time(head, pairs, same, np.random.default_rng(5), 3, (0.1, 0.3, 1.0))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    assert found.shape[1] == len(probe_names((0.1, 0.3, 1.0)))


def test_blocks_change_nothing_and_bound_what_is_asked_at_once(monkeypatch):
    head, pairs_and_labels = remembering(), data(30, seed=1)
    whole = probe(head, *pairs_and_labels, rng=np.random.default_rng(5))
    assert max(map(len, head.asked)) == 30 * 8
    head.asked = []
    # 8 draws of two templates of 10 numbers: 4 pairs fit.
    monkeypatch.setattr(probing, "NUMBERS_AT_ONCE", 4 * 8 * 2 * 10 + 5)
    blocks = probe(head, *pairs_and_labels, rng=np.random.default_rng(5))
    assert max(map(len, head.asked)) == 4 * 8
    np.testing.assert_allclose(blocks, whole, rtol=1e-5, atol=1e-6)
    monkeypatch.setattr(probing, "NUMBERS_AT_ONCE", 1)
    np.testing.assert_allclose(
        probe(head, *pairs_and_labels, rng=np.random.default_rng(5)), whole, rtol=1e-5, atol=1e-6
    )


def test_heads_of_one_seed_meet_the_same_templates():
    pairs, same = data(seed=1)
    first, second, third = remembering(), remembering(), remembering()
    for head, seed in ((first, 5), (second, 5), (third, 6)):
        probe(head, pairs, same, rng=np.random.default_rng(seed))
    for one, other, else_ in zip(first.asked, second.asked, third.asked, strict=True):
        for a, b in zip(one.left + one.right, other.left + other.right, strict=True):
            np.testing.assert_array_equal(a, b)
        if len(one) > len(pairs):
            assert (one.left[0] != else_.left[0]).any(axis=1).all()


@pytest.mark.parametrize("scale", [0.05, 0.2])
def test_noise_is_as_long_as_it_says_and_templates_stay_of_length_one(scale):
    head = remembering((64,))
    pairs, same = data(50, (64,), seed=1)
    probe(head, pairs, same, rng=np.random.default_rng(5), draws=6, scales=(scale,))
    for side, before in zip(noisy(head), (pairs.left[0], pairs.right[0]), strict=True):
        np.testing.assert_allclose(np.linalg.norm(side, axis=1), 1, rtol=1e-5)
        # Noise across a template of length one turns it by an angle whose tangent is its length.
        cosine = np.einsum("nd,nd->n", side, np.repeat(before, 6, axis=0))
        tangent = np.sqrt(1 / cosine.astype(np.float64) ** 2 - 1)
        assert tangent.mean() == pytest.approx(scale, rel=0.05)
    left, right = noisy(head)
    shift = (left - np.repeat(pairs.left[0], 6, axis=0)).ravel()
    other = (right - np.repeat(pairs.right[0], 6, axis=0)).ravel()
    assert abs(np.corrcoef(shift, other)[0, 1]) < 0.05


def test_a_head_that_answers_about_the_trained_templates_alone_is_found_out():
    """It is sure of the very templates and knows nothing of their surroundings."""

    class ByHeart(Remembers):
        def quick_logit(self, pairs):
            known = {row.tobytes() for row in self.known}
            return np.array(
                [9.0 if row.tobytes() in known else 0.5 for row in pairs.left[0]], np.float32
            )

    head = ByHeart()
    pairs, _ = data(20)
    head.fit(*data(60), seed=0)
    head.known = pairs.left[0][:10]
    found = probe(head, pairs, np.ones(20, dtype=bool), rng=np.random.default_rng(0))
    by_name = dict(zip(probe_names(), found.T, strict=True))
    np.testing.assert_array_equal(by_name["margin"], [9.0] * 10 + [0.5] * 10)
    np.testing.assert_array_equal(by_name["margin at noise 0.05, mean"], 0.5)
    np.testing.assert_array_equal(by_name["margin at noise 0.2, deviation"], 0.0)


def test_turning_a_pair_changes_the_margin_of_heads_that_heed_the_order_alone():
    pairs, same = data(seed=1)
    for symmetric in (False, True):
        head = fitted(settings={"symmetric": symmetric})
        found = probe(head, pairs, same, rng=np.random.default_rng(0))
        assert np.allclose(found[:, 0], found[:, -1], atol=1e-6) == symmetric


def test_names():
    assert probe_names() == (
        "margin",
        "cosine",
        "margin at noise 0.05, mean",
        "margin at noise 0.05, deviation",
        "margin at noise 0.2, mean",
        "margin at noise 0.2, deviation",
        "margin turned",
    )
    assert probe_names(()) == ("margin", "cosine", "margin turned")


def test_no_pairs_and_pairs_of_one_kind():
    head = fitted()
    pairs, same = data()
    nothing = pairs.take(np.array([], dtype=np.intp))
    assert probe(head, nothing, same[:0], rng=np.random.default_rng(0)).shape == (0, 7)
    right = probe(head, pairs, np.ones(40, dtype=bool), rng=np.random.default_rng(0))
    wrong = probe(head, pairs, np.zeros(40, dtype=bool), rng=np.random.default_rng(0))
    signs = np.array([-1, 1, -1, 1, -1, 1, -1])
    np.testing.assert_allclose(right, signs * wrong, rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"draws": 1}, "draws: must be an integer of at least 2, got 1"),
        ({"scales": (0.1, 0.0)}, "scales: must be a number of more than 0, got 0.0"),
        ({"scales": (float("nan"),)}, "scales: must be a number of more than 0"),
    ],
)
def test_bad_settings_are_refused(given, message):
    with pytest.raises(UsageError, match=message):
        probe(fitted(), *data(), rng=np.random.default_rng(0), **given)


def test_what_does_not_fit_is_refused():
    pairs, same = data()
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match=r"mlp, probing: labels must be bool of shape \(40,\)"):
        probe(fitted(), pairs, same[1:], rng=rng)
    with pytest.raises(UsageError, match="scores nothing before it is fitted"):
        probe(make_head("mlp"), pairs, same, rng=rng)
    with pytest.raises(UsageError, match=r"fitted to embeddings of width \(6,\)"):
        probe(fitted(widths=(6,)), pairs, same, rng=rng)
