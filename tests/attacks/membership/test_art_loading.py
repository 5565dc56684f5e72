"""Importing ART leaves no trace: tried in fresh interpreters with warnings as errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys

SCRIPT = """
import json, logging, os, pathlib, random, sys, warnings
log = os.path.join(sys.argv[1], "mine.log")
handler = logging.FileHandler(log, mode="w")
logging.getLogger("mine").addHandler(handler)
import numpy, sklearn.svm, torch

def state():
    return [
        random.getstate(), numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist(),
        dict(os.environ), [str(f) for f in warnings.filters], logging.root.level,
        logging.root.handlers, logging.getLogger("tests").handlers, torch.get_num_threads(),
    ]

before = state()
from facebone.attacks.membership.art_loading import load_art
assert "art" not in sys.modules
attack, estimator = load_art(where="here")
same = [a == b for a, b in zip(before, state())]
logging.getLogger("mine").warning("still written")
logging.getLogger("art").warning("not shown")
import art.config
handler.close()
print(json.dumps({
    "same": same, "log": pathlib.Path(log).read_text(), "data": art.config.ART_DATA_PATH,
    "matplotlib": "matplotlib" in sys.modules, "attack": attack.__name__,
    "again": load_art(where="here")[0] is attack, "estimator": estimator.__name__,
}))
"""


def run(tmp_path, home):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HOME": str(home), "USERPROFILE": str(home)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_nothing_is_written_or_changed(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    found = run(tmp_path, home)
    assert list(home.iterdir()) == []
    assert found["same"] == [True] * 9
    assert found["log"] == "still written\n"
    assert not found["matplotlib"]
    assert found["again"]
    assert (found["attack"], found["estimator"]) == (
        "MembershipInferenceBlackBox",
        "BlackBoxClassifier",
    )
    # Where ART would have put it: what else the process does with ART finds its usual place.
    assert found["data"] == str(home / ".art" / "data")


def test_a_configuration_of_the_user_is_kept(tmp_path):
    home, data = tmp_path / "home", tmp_path / "elsewhere"
    (home / ".art").mkdir(parents=True)
    config = home / ".art" / "config.json"
    config.write_text(json.dumps({"ART_DATA_PATH": str(data)}))
    found = run(tmp_path, home)
    assert found["data"] == str(data)
    assert json.loads(config.read_text()) == {"ART_DATA_PATH": str(data)}
