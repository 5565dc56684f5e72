"""Template inversion by ridge regression from templates to pixels."""

from __future__ import annotations

from dataclasses import dataclass

from facebone.attacks.access import Access
from facebone.attacks.inversion.base import FEWEST_FACES, InversionAttack, OwnFaces
from facebone.attacks.inversion.leaks import TemplateLeak
from facebone.attacks.inversion.linear_decoder import GAIN, STRENGTH, LinearDecoder
from facebone.backbones.base import Faces
from facebone.errors import UsageError
from facebone.settings import check_integer, check_number, check_word

SYSTEM, NETWORKS, BOTH = "system", "networks", "both"


@dataclass(frozen=True, slots=True)
class RidgeSettings:
    """How the linear decoder is fitted.

    Args:
        strength: of the penalty; see `LinearDecoder.fit`.
        gain: of the difference from the mean face.
        knows: whose templates of their own faces the attacker has: the attacked ``system``'s, for
            they could enrol them and have stolen those with the rest; only what the public
            ``networks`` say, which is another thing where a secret stands between; or ``both``,
            and then they undo the secret as far as the enrolled faces tell it.
        enrolled: faces of their own that the system has templates of; all by default.
    """

    strength: float = STRENGTH
    gain: float = GAIN
    knows: str = SYSTEM
    enrolled: int | None = None

    def __post_init__(self) -> None:
        check_word("knows", self.knows, (SYSTEM, NETWORKS, BOTH))
        if self.enrolled is not None:
            # Whoever knows the networks draws by them, and needs the enrolled for the secret alone.
            low = 1 if self.knows == BOTH else FEWEST_FACES
            check_integer("enrolled", self.enrolled, low=low)
        check_number("strength", self.strength, low=0, low_open=True)
        check_number("gain", self.gain, low=0, low_open=True)


class TemplateRidge(InversionAttack):
    """Goal: a picture of each person whose template leaked.

    Access: stored templates. Knowledge: faces of other people and the templates that the system
    makes of them, as whoever can enrol pictures sees; nothing of the networks. Success: a
    recogniser that the attack never used takes the picture for the person.

    Ridge regression draws pixels straight from templates. It learns in seconds, asks the system
    nothing, and on LFW does what took deep decoders millions of pictures.

    References:
        G. Mai, K. Cao, P. Yuen, A. Jain, "On the Reconstruction of Face Images from Deep Face
        Templates", TPAMI 2018: the setting, with a deep decoder.
    """

    name = "template_ridge"
    summary = "ridge regression from templates to pixels, learnt on other people's"
    access = Access.EMBEDDING
    knowledge = "Faces of other people, and the templates that the system makes of them."
    settings_type = RidgeSettings
    leak_type = TemplateLeak
    _decoder: LinearDecoder

    @property
    def knows_system(self) -> bool:  # type: ignore[override]
        """As the settings say."""
        return bool(self.settings.knows == SYSTEM)

    @property
    def undoes(self) -> bool:  # type: ignore[override]
        """As the settings say."""
        return bool(self.settings.knows == BOTH)

    @property
    def enrolled(self) -> int | None:  # type: ignore[override]
        """As the settings say."""
        return self.settings.enrolled  # type: ignore[no-any-return]

    def _learn(self, own: OwnFaces) -> None:
        # Where the networks are known, so are the templates that they make of every face.
        some = slice(self.enrolled if self.knows_system else None)
        self._decoder = LinearDecoder.fit(
            own.faces[some],
            own.templates[some],
            strength=self.settings.strength,
            gain=self.settings.gain,
        )

    def _rebuild(self, leak: TemplateLeak, *, seed: int, device: str) -> Faces:
        del seed, device
        self._check_width(leak)
        return self._decoder.decode(leak.templates)

    def _check_width(self, leak: TemplateLeak) -> None:
        """Make sure that the decoder can draw templates.

        Raises:
            UsageError: they are of another width than those it has learnt from.
        """
        width = len(self._decoder.centre)
        if leak.templates.shape[1] != width:
            raise UsageError(
                f"has learnt from templates of width {width}, got {leak.templates.shape}",
                where=f"attack {self.name}",
            )
