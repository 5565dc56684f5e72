"""The material in the making: begun with the server, in a thread, while pages say how far it is."""

from __future__ import annotations

import functools
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from facebone.demo.settings import DemoSettings
from facebone.demo.work import Step
from facebone.errors import FaceBoneError

if TYPE_CHECKING:
    from facebone.demo.material import Material


class Preparation:
    """Makes the material once, for everybody.

    Args:
        settings: of the demo.
    """

    def __init__(self, settings: DemoSettings) -> None:
        self.settings = settings
        self.step = Step("starting", 0, 0)
        self.material: Material | None = None
        self.error = ""
        self._thread = threading.Thread(target=self._make, daemon=True, name="preparation")
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until it is done or has failed."""
        self._thread.join(seconds)

    def _make(self) -> None:
        try:
            # Here, not above: the first page need not wait until all libraries are loaded.
            from facebone.demo.material import make_material

            self.material = make_material(self.settings, self._tell)
        except FaceBoneError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            traceback.print_exception(error)
            self.error = f"unexpected {type(error).__name__}: the server's log says where"
        if self.error:
            print(f"error: {self.error}", file=sys.stderr, flush=True)
        else:
            print("ready: verifiers are trained and attacked", file=sys.stderr, flush=True)

    def _tell(self, step: Step) -> None:
        if step.label != self.step.label:
            print(step.words, file=sys.stderr, flush=True)
        self.step = step


@functools.cache
def preparation_of(settings: DemoSettings) -> Preparation:
    """The one preparation of this process for these settings; the first call begins it."""
    return Preparation(settings)
