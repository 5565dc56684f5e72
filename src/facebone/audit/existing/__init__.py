"""Verifiers that exist already: a table of scores, a Python callable, or a head in ONNX."""

from facebone.audit.existing.asked_head import ask_head
from facebone.audit.existing.callable_verifier import Verify, ask_verifier, load_callable
from facebone.audit.existing.cautions import cautions
from facebone.audit.existing.direction import check_direction
from facebone.audit.existing.given_pairs import GivenPairs
from facebone.audit.existing.onnx_head import OnnxHead, OnnxHeadSettings, load_onnx_head
from facebone.audit.existing.pairs_file import read_candidates
from facebone.audit.existing.score_file import read_score_table

__all__ = [
    "GivenPairs",
    "OnnxHead",
    "OnnxHeadSettings",
    "Verify",
    "ask_head",
    "ask_verifier",
    "cautions",
    "check_direction",
    "load_callable",
    "load_onnx_head",
    "read_candidates",
    "read_score_table",
]
