"""The judge is a recogniser that no target uses."""

from __future__ import annotations

import pytest

from facebone.audit.reconstruction.judge import choose_judge
from facebone.errors import UnknownNameError, UsageError


def test_synthetic_faces_are_judged_by_what_was_trained_on_such():
    judge = choose_judge(None, ["tiny_plain", "tiny_mobile%mirror"], "synthetic")
    assert judge.startswith("tiny_")
    assert judge not in ("tiny_plain", "tiny_mobile")


def test_a_backbone_of_the_targets_cannot_judge():
    for name in ("tiny_plain", "tiny_plain%80"):
        with pytest.raises(UsageError, match="is a backbone of the targets"):
            choose_judge(name, ["tiny_plain@2", "tiny_wide"], "synthetic")
    with pytest.raises(UnknownNameError, match="tiny_plane"):
        choose_judge("tiny_plane", ["tiny_wide"], "synthetic")
    assert choose_judge("tiny_plain", ["tiny_wide"], "lfw") == "tiny_plain"


def test_the_same_weights_in_another_file_do_not_judge(assets):
    assert choose_judge(None, ["mobilefacenet_ms1m_a"], "lfw") == "mobilefacenet_ms1m_b"
    with pytest.raises(UsageError, match="is a backbone of the targets"):
        choose_judge("mobilefacenet_ms1m_a_torch", ["mobilefacenet_ms1m_a"], "lfw")


def test_where_none_is_left_the_error_says_so():
    every = ["tiny_plain", "tiny_mobile", "tiny_residual", "tiny_mixer", "tiny_wide"]
    with pytest.raises(UsageError, match="no backbone is left to judge"):
        choose_judge(None, every, "synthetic")
