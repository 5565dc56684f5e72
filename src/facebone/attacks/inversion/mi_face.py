"""MI-Face as ART has it: pixels follow an identification model's confidence in a person."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import torch
from torch import Tensor, nn

from facebone.attacks.access import Access
from facebone.attacks.inversion.base import InversionAttack, OwnFaces
from facebone.attacks.inversion.classifier_leak import ClassifierLeak
from facebone.attacks.inversion.guide import Look
from facebone.attacks.inversion.tensors import to_faces, to_tensor
from facebone.attacks.membership.art_loading import load_art
from facebone.backbones.base import Faces
from facebone.settings import check_integer, check_number


@dataclass(frozen=True, slots=True)
class MiFaceSettings:
    """How long pixels follow the gradient.

    Args:
        steps: of gradient descent.
        learning_rate: pixels, in 0 .. 1, move by it times the gradient of the confidence.
    """

    steps: int = 100
    learning_rate: float = 10.0

    def __post_init__(self) -> None:
        check_integer("steps", self.steps, low=0)
        check_number("learning_rate", self.learning_rate, low=0, low_open=True)


class MiFace(InversionAttack):
    """Goal: a picture of each person whom an identification model knows.

    Access: the weights of the model, a softmax layer over enrolled people's templates.
    Knowledge: the public networks, which give gradients, and faces of other people, whose mean is
    the start, with the system's templates of them. Success: a recogniser that the attack never used
    takes the picture for the person.

    ART's ``MIFace`` as it is: the attack of those who first inverted a face recogniser, of one
    layer on pixels. ART goes on while the cost, one less the confidence, is below its threshold, so
    the threshold is set at one and the steps alone end it.

    References:
        M. Fredrikson, S. Jha, T. Ristenpart, "Model Inversion Attacks that Exploit Confidence
        Information and Basic Countermeasures", CCS 2015; Nicolae et al., "Adversarial Robustness
        Toolbox", 2018.
    """

    name = "mi_face"
    summary = "ART's MI-Face: pixels follow an identification model's confidence"
    access = Access.WEIGHTS
    knowledge = "The public networks, and faces of other people with their templates."
    knows_system = True
    needs_gradients = True
    slow = True
    settings_type = MiFaceSettings
    leak_type = ClassifierLeak
    _look: Look
    _start: Faces

    def _learn(self, own: OwnFaces) -> None:
        if own.look is None:  # checked before
            raise RuntimeError("no networks to look through")
        self._look = own.look
        self._start = np.rint(own.faces.mean(axis=0)).astype(np.uint8)[None]

    def _rebuild(self, leak: ClassifierLeak, *, seed: int, device: str) -> Faces:
        del seed  # nothing is drawn
        load_art(where=f"attack {self.name}")
        start = to_tensor(self._start).numpy()
        with warnings.catch_warnings():
            # Those of ART and of what it imports are not the user's doing.
            warnings.simplefilter("ignore")
            classifier = import_module("art.estimators.classification.pytorch").PyTorchClassifier(
                _Identifier(self._look, leak).to(device),
                loss=nn.CrossEntropyLoss(),
                input_shape=start.shape[1:],
                nb_classes=len(leak),
                clip_values=(0.0, 1.0),
                device_type="cpu" if device == "cpu" else "gpu",
            )
            attack = import_module("art.attacks.inference.model_inversion.mi_face").MIFace(
                classifier,
                max_iter=self.settings.steps,
                threshold=1.0,
                learning_rate=float(self.settings.learning_rate),
                # ART goes back through the network once for each class among those together.
                batch_size=1,
                verbose=False,
            )
            made = [attack.infer(start, np.array([person])) for person in leak.attacked]
        return to_faces(torch.from_numpy(np.concatenate(made)))


class _Identifier(nn.Module):
    """Confidences (n, people) of pictures (n, 3, h, w)."""

    weights: Tensor
    biases: Tensor

    def __init__(self, look: Look, leak: ClassifierLeak) -> None:
        super().__init__()
        self._look = look
        self.register_buffer("weights", torch.from_numpy(leak.weights.T.copy()))
        self.register_buffer("biases", torch.from_numpy(leak.biases))

    def forward(self, pictures: Tensor) -> Tensor:
        rows = self._look(pictures)
        return torch.softmax(torch.addmm(self.biases, rows, self.weights), dim=1)
