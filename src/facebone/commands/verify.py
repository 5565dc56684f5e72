"""`facebone verify`: two photographs -> score, decision, threshold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facebone.commands import options
from facebone.commands.assemble import describe_routes
from facebone.commands.console import note, print_columns, print_json

EXAMPLES = """
**Example** `facebone verify A.jpg B.jpg --model model --json`
"""


def verify(
    first: Annotated[Path, typer.Argument(metavar="A", help="A photograph.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another photograph.")],
    model: Annotated[Path, typer.Option(help="Folder that `facebone train` wrote.")],
    face: options.FaceOption = options.FaceChoice.CENTRE,
    device: options.Device = "auto",
    trust: options.Trust = False,
    as_json: options.Json = False,
) -> None:
    """Say whether two photographs show the same person. Exit code 0 whatever the answer."""
    import numpy as np

    from facebone.data.pairs import Pairs
    from facebone.data.pictures import FileSource, Picture
    from facebone.verification.embedded_pairs import EmbeddedPairs
    from facebone.verification.engine import EmbeddingEngine
    from facebone.verification.routes import reopen_routes
    from facebone.verification.verifier import Verifier

    verifier = Verifier.load(model)
    routes = reopen_routes(verifier.routes, choose=face.value, device=device, trust=trust)
    paths = (first, second)
    pictures = [Picture(f"{i} {path}", str(path), FileSource(path)) for i, path in enumerate(paths)]
    embedded = EmbeddingEngine(routes, workers=1, batch_size=2).embed(pictures)
    one = Pairs(np.array([0]), np.array([1]), np.array([False]))
    pair = EmbeddedPairs.gather(embedded.matrices, one)
    score = float(verifier.score(pair)[0])
    # Not `decide`, which would ask again: some defences answer each question anew.
    same = score >= verifier.threshold
    cosines = {
        name: float(cosine)
        for name, cosine in zip(verifier.backbones, pair.cosines()[0], strict=True)
    }
    if as_json:
        print_json(
            {
                "score": score,
                "same": same,
                "threshold": verifier.threshold,
                "target_far": verifier.target_far,
                "head": verifier.head.name,
                "cosines": cosines,
                "pictures": [str(path) for path in paths],
            }
        )
        return
    rate = "" if verifier.target_far is None else f" (FAR {verifier.target_far:g})"
    rows = [
        ("decision", "same person" if same else "not the same person"),
        ("score", f"{score:.4f}"),
        ("threshold", f"{verifier.threshold:.4f}{rate}"),
    ]
    rows += [(f"cosine {name}", f"{cosine:.4f}") for name, cosine in cosines.items()]
    print_columns(rows)
    note(describe_routes(routes))
