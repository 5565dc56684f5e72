"""A head in an ONNX file: two embeddings -> score, however the graph wants to have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
import numpy.typing as npt

from facebone.audit.existing.given_pairs import check_sign
from facebone.errors import MissingPartError, UnknownNameError, UsageError, WeightsError
from facebone.seeding import make_rng
from facebone.settings import check_integer
from facebone.verification.embedded_pairs import EmbeddedPairs, normalise
from facebone.verification.heads.base import Arrays, Head, Scores

Matrix = npt.NDArray[np.float32]

FORMS: dict[str, Callable[[Matrix, Matrix], tuple[Matrix, ...]]] = {
    "pair": lambda left, right: (left, right),
    "concat": lambda left, right: (np.concatenate([left, right], axis=1),),
    "difference": lambda left, right: (left - right,),
    "absolute_difference": lambda left, right: (np.abs(left - right),),
    "product": lambda left, right: (left * right,),
}
"""What the graph is given, from two (n, d): both as they are (two inputs), side by side (n, 2d),
left minus right, its absolute value, or the element-wise product (n, d)."""

AUTO = "auto"

_TYPES: dict[str, type[np.floating[Any]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
}
_BATCH = 1024
_PROBES = 16


@dataclass(frozen=True, slots=True)
class OnnxHeadSettings:
    """Which file and how it is used.

    Args:
        path: the ONNX file.
        dimension: width d of an embedding, over all backbones together.
        form: a name of `FORMS`, or ``auto``: two inputs are a pair, one of width 2d is ``concat``,
            one of width d ``difference``.
        sign: 1, or -1 for a head of which smaller answers mean the same person.
    """

    path: str = ""
    dimension: int = 0
    form: str = AUTO
    sign: int = 1

    def __post_init__(self) -> None:
        check_integer("dimension", self.dimension, low=1)
        check_sign(self.sign)
        if self.form != AUTO and self.form not in FORMS:
            raise UnknownNameError("form of an ONNX head", self.form, (AUTO, *FORMS))


class OnnxHead(Head):
    """A head that was fitted elsewhere and exported; nothing here fits it.

    It gets embeddings of length one, those of several backbones side by side. Its output is (n,),
    (n, 1), or (n, 2) for two classes of which the last is the same person: of logits, their
    difference counts, the log odds.

    Args:
        settings: which file and how it is used.
        device: ``cpu``; heads are small.

    Raises:
        MissingPartError: there is no such file.
        WeightsError: it is no ONNX graph, keeps weights outside its folder, or has other inputs
            or outputs.
        UsageError: `form` is ``auto`` and the graph does not say how wide its input is.
    """

    name = "onnx"
    settings_type = OnnxHeadSettings

    def __init__(self, settings: OnnxHeadSettings | None = None, *, device: str = "cpu") -> None:
        from facebone.backbones.onnx_backend import open_session
        from facebone.backbones.runtimes import Settings

        super().__init__(settings or OnnxHeadSettings(), device=device)
        chosen: OnnxHeadSettings = self._settings
        self._path = Path(chosen.path)
        if not self._path.is_file():
            raise MissingPartError("there is no such file", where=self._path, hint="check the path")
        self._session = open_session(self._path, Settings(device="cpu"))
        self._inputs, self._fixed = self._check_inputs()
        self.form = self._find_form(chosen.form)
        """How the graph is given two embeddings; a name of `FORMS`."""
        self._output = self._find_output()
        self._log_odds = False
        self._probe()

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Not to be saved: the file is the head.

        Raises:
            UsageError: always.
        """
        self._refuse_saving()

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], **kwargs: Any
    ) -> Self:
        """Not to be loaded; see `load_onnx_head`.

        Raises:
            UsageError: always.
        """
        cls._refuse_saving()

    @classmethod
    def _refuse_saving(cls) -> NoReturn:
        raise UsageError(
            "is not saved with a verifier", where=f"head {cls.name}", hint="keep its ONNX file"
        )

    def _score(self, pairs: EmbeddedPairs) -> Scores:
        width = sum(pairs.dimensions)
        if width != self._settings.dimension:
            raise UsageError(
                f"was loaded for embeddings of width {self._settings.dimension}, got {width}",
                where=self._path,
                hint="use the backbones it was fitted with, in the same order",
            )
        answers = self._run(np.concatenate(pairs.left, axis=1), np.concatenate(pairs.right, axis=1))
        scores = answers[:, -1] - answers[:, 0] if self._log_odds else answers[:, -1]
        signed: Scores = self._settings.sign * scores
        return signed

    def _run(self, left: Matrix, right: Matrix) -> npt.NDArray[np.float64]:
        """What the graph says, (n, 1) or (n, 2)."""
        size = self._fixed or _BATCH
        found = []
        for first in range(0, len(left), size):
            given = FORMS[self.form](left[first : first + size], right[first : first + size])
            count = len(given[0])
            # A graph exported for one batch size gets its last batch filled up.
            asked = self._fixed or count
            feed = {
                node.name: np.pad(values, ((0, asked - count), (0, 0))).astype(_TYPES[node.type])
                for node, values in zip(self._inputs, given, strict=True)
            }
            rows = self._call(feed)
            if rows.shape not in {(asked,), (asked, 1), (asked, 2)}:
                raise WeightsError(
                    f"gives {rows.shape} for {asked} pairs, needs one score a pair, or two "
                    "classes of which the last is the same person",
                    where=self._path,
                )
            found.append(rows.reshape(asked, -1)[:count])
        return np.concatenate(found)

    def _call(self, feed: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        from facebone.backbones.onnx_backend import ORT_ERRORS, first_line

        try:
            output = self._session.run([self._output], feed)[0]
        except ORT_ERRORS as error:
            shapes = ", ".join(f"{name} {values.shape}" for name, values in feed.items())
            raise WeightsError(
                f"fails on {shapes}, the {self.form} of embeddings of width "
                f"{self._settings.dimension}: {first_line(error)}",
                where=self._path,
                hint="check the backbones and the form",
            ) from error
        return np.asarray(output, dtype=np.float64)

    def _check_inputs(self) -> tuple[list[Any], int | None]:
        """The inputs, left first, and the batch size if the graph was exported for exactly one."""
        nodes = self._session.get_inputs()
        fits = all(node.type in _TYPES and len(node.shape) == 2 for node in nodes)
        if len(nodes) not in {1, 2} or not fits:
            raise WeightsError(
                f"takes {_describe(nodes)}, needs one or two float inputs of (n, width)",
                where=self._path,
                hint="export the head so that it takes embeddings",
            )
        if [node.name.lower() for node in nodes] == ["right", "left"]:
            nodes = nodes[::-1]
        batch = nodes[0].shape[0]
        return nodes, batch if isinstance(batch, int) else None

    def _find_form(self, asked: str) -> str:
        """The form to use; what was asked for, if the graph can take it."""
        d = self._settings.dimension
        pair = len(self._inputs) == 2
        width = self._inputs[0].shape[1]
        if pair:
            possible = {"pair"} if _is(width, d) and _is(self._inputs[1].shape[1], d) else set()
        else:
            possible = {"concat"} if _is(width, 2 * d) else set()
            possible |= {"difference", "absolute_difference", "product"} if _is(width, d) else set()
        if not possible or asked not in {AUTO, *possible}:
            way = "" if asked == AUTO else f" as {asked}"
            raise WeightsError(
                f"takes {_describe(self._inputs)}, which does not fit embeddings of width {d}{way}",
                where=self._path,
                hint=f"two inputs of {d}, one of {2 * d} (concat) or one of {d} (difference, "
                "absolute_difference or product) would",
            )
        if asked != AUTO:
            return asked
        if "concat" in possible and "difference" in possible:
            raise UsageError(
                f"does not say how wide its input is: {_describe(self._inputs)}",
                where=self._path,
                hint=f"say its form: {', '.join(sorted(possible))}",
            )
        return next(form for form in FORMS if form in possible)

    def _find_output(self) -> str:
        nodes = self._session.get_outputs()
        fitting: list[str] = [
            node.name
            for node in nodes
            if node.type in _TYPES
            and (len(node.shape) == 1 or (len(node.shape) == 2 and _is(node.shape[1], 1, 2)))
        ]
        if len(fitting) != 1:
            raise WeightsError(
                f"gives {_describe(nodes)}, needs exactly one float output of (n), (n, 1) or "
                "(n, 2)",
                where=self._path,
                hint="export the head so that it gives scores",
            )
        return fitting[0]

    def _probe(self) -> None:
        """Try the graph on random embeddings, and find out what two columns mean."""
        rng = make_rng(0, "probe of an ONNX head")
        left, right = rng.normal(size=(2, _PROBES, self._settings.dimension)).astype(np.float32)
        answers = self._run(normalise(left), normalise(right))
        if not np.isfinite(answers).all():
            raise WeightsError("gives NaN or infinity for random embeddings", where=self._path)
        if answers.shape[1] == 2:
            sums_to_one = np.allclose(answers.sum(axis=1), 1, atol=1e-3)
            self._log_odds = not (sums_to_one and answers.min() >= 0)


def load_onnx_head(path: Path, *, dimension: int, form: str = AUTO, sign: int = 1) -> OnnxHead:
    """The head in an ONNX file; `OnnxHeadSettings` says what the arguments mean.

    Raises:
        MissingPartError, WeightsError, UsageError: see `OnnxHead`.
        UnknownNameError: no such form.
    """
    return OnnxHead(OnnxHeadSettings(str(path), dimension, form, sign))


def _is(size: object, *wanted: int) -> bool:
    """Whether a declared size is one of those wanted, or not declared."""
    return not isinstance(size, int) or size in wanted


def _describe(nodes: list[Any]) -> str:
    return ", ".join(f"{node.name} {node.shape} {node.type}" for node in nodes) or "nothing"
