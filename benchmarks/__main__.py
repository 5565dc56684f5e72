"""Run the studies one after another, each in a process of its own, and stop at the first failure.

Studies on real faces need FACEBONE_ASSETS and are left out, with a line that says so, without it.
"""

from __future__ import annotations

import os
import subprocess
import sys

ON_SYNTHETIC_FACES = (
    "benchmarks.bench_synthesis",
    "benchmarks.bench_shadows",
    "benchmarks.bench_adapters",
    "benchmarks.attribute_study",
    "benchmarks.bench_demo",
    "benchmarks.bench_executor",
    "benchmarks.scale_study",
)
ON_REAL_FACES = (
    "benchmarks.bench_engine",
    "benchmarks.bench_memory",
    "benchmarks.audit_lfw",
    "benchmarks.shadow_study",
    "benchmarks.unit_study",
    "benchmarks.fine_tune_lfw",
    "benchmarks.adapted_study",
    "benchmarks.facebone_study",
    "benchmarks.defence_study",
    "benchmarks.linkage_study",
    "benchmarks.extraction_study",
    "benchmarks.reconstruction_study",
)


def main() -> int:
    studies = list(ON_SYNTHETIC_FACES)
    if os.environ.get("FACEBONE_ASSETS"):
        studies += ON_REAL_FACES
    else:
        print("FACEBONE_ASSETS is not set: left out", *ON_REAL_FACES, file=sys.stderr)
    for study in studies:
        print(f"== {study}", file=sys.stderr)
        code = subprocess.run([sys.executable, "-m", study], check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
