from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from facebone.audit.existing import OnnxHead, OnnxHeadSettings, load_onnx_head
from facebone.errors import MissingPartError, UnknownNameError, UsageError, WeightsError
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise

D = 6
WEIGHTS = np.random.default_rng(2).normal(size=(2 * D, 1)).astype(np.float32)


@pytest.fixture
def pairs() -> EmbeddedPairs:
    """2500 pairs under two backbones of 2 and 4 dimensions."""
    rng = np.random.default_rng(1)
    parts = [normalise(rng.normal(size=(2500, d)).astype(np.float32)) for d in (2, 4, 2, 4)]
    return EmbeddedPairs(tuple(parts[:2]), tuple(parts[2:]))


def side_by_side(pairs: EmbeddedPairs) -> tuple[np.ndarray, np.ndarray]:
    left, right = (
        np.array([np.concatenate([side[k][i] for k in range(2)]) for i in range(len(pairs))])
        for side in (pairs.left, pairs.right)
    )
    return left.astype(np.float64), right.astype(np.float64)


@pytest.fixture
def graph(tmp_path: Path) -> Callable[..., Path]:
    """Writes a graph: inputs side by side, times WEIGHTS, in one of several last layers."""

    def make(
        widths: tuple[int | str, ...] = (2 * D,),
        *,
        end: str = "column",
        batch: int | str = "n",
        kind: str = "FLOAT",
        names: tuple[str, str] = ("x0", "x1"),
        external: str | None = None,
    ) -> Path:
        from onnx import TensorProto, helper, numpy_helper

        rank3 = end == "rank 3"
        shape = ([2] if rank3 else []) + [batch]
        inputs = [
            helper.make_tensor_value_info(name, getattr(TensorProto, kind), [*shape, width])
            for name, width in zip(names, widths, strict=False)
        ]
        total = sum(w if isinstance(w, int) else D for w in widths)
        dtype = {"DOUBLE": np.float64, "FLOAT16": np.float16}.get(kind, np.float32)
        w = WEIGHTS[:total].astype(dtype)
        if end in {"logits", "softmax"}:
            w = np.concatenate([-w / 2, w / 2], axis=1)
        if end == "three":
            w = np.repeat(w, 3, axis=1)
        tensor = numpy_helper.from_array(w, "w")
        if external is not None:
            tensor.ClearField("raw_data")
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": external, "length": str(w.nbytes)}.items():
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
        joined = inputs[0].name if len(inputs) == 1 else "joined"
        nodes = []
        if len(inputs) > 1:
            nodes.append(helper.make_node("Concat", [i.name for i in inputs], ["joined"], axis=-1))
        last = {"flat": "Squeeze", "softmax": "Softmax", "nan": "Log"}.get(end)
        nodes.append(helper.make_node("MatMul", [joined, "w"], ["y" if last is None else "z"]))
        tensors = [tensor]
        if last == "Squeeze":
            tensors.append(numpy_helper.from_array(np.array([1]), "axes"))
            nodes.append(helper.make_node(last, ["z", "axes"], ["y"]))
        elif last is not None:
            nodes.append(helper.make_node(last, ["z"], ["y"]))
        declared = [*shape] if end == "flat" else [*shape, w.shape[1]]
        if end == "mean of the batch":
            nodes[-1].output[0] = "z"
            nodes.append(helper.make_node("ReduceMean", ["z"], ["y"], axes=[0]))
            declared = [1, 1]
        outputs = [helper.make_tensor_value_info("y", getattr(TensorProto, kind), declared)]
        if end == "label too":
            nodes.append(helper.make_node("Cast", ["y"], ["label"], to=TensorProto.INT64))
            outputs.insert(0, helper.make_tensor_value_info("label", TensorProto.INT64, declared))
        if end == "two scores":
            nodes.append(helper.make_node("Neg", ["y"], ["other"]))
            outputs.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, declared))
        body = helper.make_graph(nodes, "head", inputs, outputs, tensors)
        model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 8
        path = tmp_path / "head" / "head.onnx"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(model.SerializeToString())
        return path

    return make


def expected(form: str, pairs: EmbeddedPairs) -> np.ndarray:
    a, b = side_by_side(pairs)
    given = {
        "pair": np.hstack([a, b]),
        "concat": np.hstack([a, b]),
        "difference": a - b,
        "absolute_difference": np.abs(a - b),
        "product": a * b,
    }[form]
    return given @ WEIGHTS[: given.shape[1], 0].astype(np.float64)


@pytest.mark.parametrize(
    ("widths", "form", "found"),
    [
        ((D, D), "auto", "pair"),
        ((D, D), "pair", "pair"),
        ((2 * D,), "auto", "concat"),
        ((D,), "auto", "difference"),
        ((D,), "absolute_difference", "absolute_difference"),
        ((D,), "product", "product"),
        (("width",), "difference", "difference"),
    ],
)
def test_gives_the_graph_what_its_form_says(graph, pairs, widths, form: str, found: str) -> None:
    head = load_onnx_head(graph(widths), dimension=D, form=form)
    assert head.form == found
    score = head.score(pairs)
    assert score.dtype == np.float64
    np.testing.assert_allclose(score, expected(found, pairs), atol=1e-5)


@pytest.mark.parametrize("end", ["column", "flat", "label too", "logits"])
@pytest.mark.parametrize("batch", ["n", 1, 7])
def test_every_shape_of_answer_and_batch(graph, pairs, end: str, batch: int | str) -> None:
    some = pairs.take(np.arange(40))
    head = load_onnx_head(graph(end=end, batch=batch), dimension=D)
    np.testing.assert_allclose(head.score(some), expected("concat", some), atol=1e-5)


def test_probabilities_of_two_classes_are_not_subtracted(graph, pairs) -> None:
    head = load_onnx_head(graph(end="softmax"), dimension=D)
    want = 1 / (1 + np.exp(-expected("concat", pairs)))
    np.testing.assert_allclose(head.score(pairs), want, atol=1e-6)


@pytest.mark.parametrize(("kind", "tolerance"), [("DOUBLE", 1e-6), ("FLOAT16", 2e-2)])
def test_other_precisions(graph, pairs, kind: str, tolerance: float) -> None:
    head = load_onnx_head(graph(kind=kind), dimension=D)
    np.testing.assert_allclose(head.score(pairs), expected("concat", pairs), atol=tolerance)


def test_inputs_called_left_and_right_are_told_by_name(graph, pairs) -> None:
    head = load_onnx_head(graph((D, D), names=("Right", "Left")), dimension=D)
    turned = EmbeddedPairs(pairs.right, pairs.left)
    np.testing.assert_allclose(head.score(pairs), expected("pair", turned), atol=1e-5)


def test_sign_turns_scores(graph, pairs) -> None:
    head = load_onnx_head(graph(), dimension=D, sign=-1)
    np.testing.assert_allclose(head.score(pairs), -expected("concat", pairs), atol=1e-5)


def test_it_learns_nothing_and_is_not_saved(graph, pairs) -> None:
    head = load_onnx_head(graph(), dimension=D)
    before = head.score(pairs)
    assert not head.learns
    head.fit(pairs, np.arange(2500) % 2 == 0, seed=0)
    np.testing.assert_array_equal(head.score(pairs), before)
    np.testing.assert_array_equal(head.fresh().score(pairs), before)
    assert len(head.score(pairs.take(np.empty(0, dtype=np.intp)))) == 0
    with pytest.raises(UsageError, match="head onnx: is not saved with a verifier; keep its ONNX"):
        head.state()
    with pytest.raises(UsageError, match="is not saved with a verifier"):
        OnnxHead.from_state({}, {})


def test_other_backbones_are_refused(graph, pairs) -> None:
    head = load_onnx_head(graph(), dimension=D)
    one = EmbeddedPairs(pairs.left[1:], pairs.right[1:])
    with pytest.raises(UsageError, match="loaded for embeddings of width 6, got 4; use the backb"):
        head.score(one)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingPartError, match=r"gone\.onnx: there is no such file"):
        load_onnx_head(tmp_path / "gone.onnx", dimension=D)


@pytest.mark.parametrize("content", [b"", b"a letter, no graph"])
def test_not_onnx(tmp_path: Path, content: bytes, capfd) -> None:
    path = tmp_path / "letter.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="is not an ONNX graph that can be run") as error:
        load_onnx_head(path, dimension=D)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("location", ["../outside.bin", "{folder}/outside.bin"])
def test_weights_outside_its_folder_are_refused(graph, tmp_path: Path, location, capfd) -> None:
    WEIGHTS.tofile(tmp_path / "outside.bin")
    path = graph(external=location.format(folder=tmp_path))
    with pytest.raises(WeightsError, match=r"is not an ONNX graph that can be run: .*xternal"):
        load_onnx_head(path, dimension=D)
    assert capfd.readouterr().err == ""


def test_weights_behind_a_link_out_of_its_folder_are_refused(graph, tmp_path: Path) -> None:
    WEIGHTS.tofile(tmp_path / "outside.bin")
    path = graph(external="inside.bin")
    (path.parent / "inside.bin").symlink_to(tmp_path / "outside.bin")
    with pytest.raises(WeightsError, match=r"is not an ONNX graph that can be run: .*xternal"):
        load_onnx_head(path, dimension=D)


def test_weights_beside_it_are_its_own(graph, pairs) -> None:
    path = graph(external="head.onnx.data")
    WEIGHTS.tofile(path.parent / "head.onnx.data")
    head = load_onnx_head(path, dimension=D)
    np.testing.assert_allclose(head.score(pairs), expected("concat", pairs), atol=1e-5)


def test_missing_weights(graph, capfd) -> None:
    with pytest.raises(WeightsError, match="is not an ONNX graph that can be run"):
        load_onnx_head(graph(external="head.onnx.data"), dimension=D)
    assert capfd.readouterr().err == ""


FITTING = "two inputs of 6, one of 12 (concat) or one of 6 (difference, absolute_difference"


@pytest.mark.parametrize(
    ("made", "asked", "message"),
    [
        ({"widths": (5,)}, {}, "takes x0 ['n', 5] tensor(float), which does not fit embeddings"),
        ({"widths": (5,)}, {}, f"of width 6; {FITTING}"),
        ({"widths": (D, 4)}, {}, "takes x0 ['n', 6] tensor(float), x1 ['n', 4] tensor(float), whi"),
        ({"widths": (D,)}, {"form": "concat"}, "does not fit embeddings of width 6 as concat"),
        ({"widths": (2 * D,)}, {"form": "pair"}, "does not fit embeddings of width 6 as pair"),
        ({"widths": (D, D)}, {"form": "product"}, "does not fit embeddings of width 6 as product"),
        ({"end": "rank 3"}, {}, "takes x0 [2, 'n', 12] tensor(float), needs one or two float"),
        ({"end": "three"}, {}, "gives y ['n', 3] tensor(float), needs exactly one float output"),
        ({"end": "two scores"}, {}, "tensor(float), other ['n', 1] tensor(float), needs exactly"),
        ({"end": "mean of the batch"}, {}, "gives (1, 1) for 16 pairs, needs one score a pair"),
        ({"end": "nan"}, {}, "gives NaN or infinity for random embeddings"),
        (
            {"widths": ("w",)},
            {"form": "concat"},
            "fails on x0 (16, 12), the concat of embeddings of width 6: ",
        ),
    ],
)
def test_graph_that_does_not_fit(graph, made: dict, asked: dict, message: str, capfd) -> None:
    with pytest.raises(WeightsError, match=re.escape(message)) as error:
        load_onnx_head(graph(**made), dimension=D, **asked)
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


def test_input_of_unknown_width_needs_its_form(graph) -> None:
    message = (
        "does not say how wide its input is: x0 ['n', 'w'] tensor(float); say its form: "
        "absolute_difference, concat, difference, product"
    )
    with pytest.raises(UsageError, match=re.escape(message)):
        load_onnx_head(graph(("w",)), dimension=D)


def test_wrong_settings(graph) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'concat'"):
        load_onnx_head(graph(), dimension=D, form="concatenate")
    with pytest.raises(UsageError, match="dimension: must be an integer of at least 1"):
        load_onnx_head(graph(), dimension=0)
    with pytest.raises(UsageError, match="sign: must be 1"):
        load_onnx_head(graph(), dimension=D, sign=0)
    with pytest.raises(UsageError, match="needs settings of type OnnxHeadSettings"):
        OnnxHead(object())  # type: ignore[arg-type]


def test_settings_are_kept(graph) -> None:
    path = graph()
    head = load_onnx_head(path, dimension=D)
    assert head.settings == OnnxHeadSettings(str(path), D)
