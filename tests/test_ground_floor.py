"""Errors, registry, seeding, configuration: the parts without domain knowledge."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facebone import config, errors, seeding
from facebone.registry import Registry


def all_errors() -> list[type[errors.FaceBoneError]]:
    return [
        part
        for part in vars(errors).values()
        if isinstance(part, type) and issubclass(part, errors.FaceBoneError)
    ]


def test_error_is_one_line_with_where_what_and_hint() -> None:
    error = errors.DecodeError("is not\na picture", where="a b.jpg", hint="give a JPEG")
    assert str(error) == "a b.jpg: is not a picture; give a JPEG"
    assert (error.where, error.what, error.hint) == ("a b.jpg", "is not\na picture", "give a JPEG")


def test_errors_survive_the_way_between_processes() -> None:
    for error in (
        errors.DecodeError("bad", where="x.jpg", hint="look"),
        errors.UnknownNameError("head", "mpl", ["mlp", "cosine"]),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)
        assert copy.__dict__ == error.__dict__


def test_every_error_stands_in_the_docstring_tree() -> None:
    missing = [error.__name__ for error in all_errors() if error.__name__ not in errors.__doc__]
    assert not missing


def test_unknown_name_suggests_the_nearest() -> None:
    registry: Registry[int] = Registry("head")
    registry.add("logistic", 1)
    registry.add("cosine", 2)
    with pytest.raises(errors.UnknownNameError, match=r"unknown head 'logistics'.*'logistic'"):
        registry.get("logistics")
    with pytest.raises(errors.UnknownNameError, match="known: cosine, logistic"):
        registry.get("zzz")


def test_registry_refuses_duplicates_and_imports_references_once() -> None:
    registry: Registry[object] = Registry("part")
    registry.add("errors", "facebone.errors:FaceBoneError")
    assert registry.get("errors") is errors.FaceBoneError
    with pytest.raises(errors.UsageError, match="'errors' is already registered"):
        registry.add("errors", 1)
    assert registry.names() == ("errors",)
    assert "errors" in registry


@given(st.integers(0, seeding.MAX_SEED), st.text(max_size=5), st.text(max_size=5))
def test_streams_depend_on_seed_and_purpose_only(seed: int, a: str, b: str) -> None:
    first = seeding.make_rng(seed, a).integers(2**63)
    assert first == seeding.make_rng(seed, a).integers(2**63)
    assert (seeding.derive_seed(seed, a) == seeding.derive_seed(seed, b)) == (a == b)
    # "a", "b" and "ab" are three purposes: joining them is not enough.
    assert seeding.derive_seed(seed, a, b) != seeding.derive_seed(seed, a + b)


def test_derived_seeds_are_stable_between_machines_and_versions() -> None:
    assert seeding.derive_seed(0, "split", 3) == 464990552


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(errors.UsageError, match=f"seed: must be in .* got {seed}"):
        seeding.make_rng(seed)


def test_streams_are_independent_enough() -> None:
    draws = np.array([seeding.make_rng(1, i).random(50) for i in range(200)])
    correlation = np.corrcoef(draws)[np.triu_indices(200, 1)]
    assert abs(correlation.mean()) < 0.01
    assert abs(correlation).max() < 0.75


def test_assets_variable_must_name_a_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(config.ASSETS_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(errors.UsageError, match=r"FACEBONE_ASSETS: .*none' is not a folder"):
        config.assets_folder()
    monkeypatch.setenv(config.ASSETS_VARIABLE, str(tmp_path))
    assert config.assets_folder() == tmp_path
    monkeypatch.delenv(config.ASSETS_VARIABLE)
    assert config.assets_folder() is None


def test_home_is_the_variable_or_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(config.HOME_VARIABLE, "/somewhere/else")
    assert config.home_folder() == Path("/somewhere/else")
    monkeypatch.delenv(config.HOME_VARIABLE)
    assert config.home_folder().name == "facebone"
