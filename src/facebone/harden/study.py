"""The record of a search: a study of optuna in a file, from which a search goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facebone.errors import UsageError
from facebone.files import new_file, storage_errors
from facebone.harden.front import leak_of
from facebone.harden.space import Space, first_trials
from facebone.seeding import derive_seed

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

JOURNAL_FILE = "search.journal"
STUDY = "harden"
NAME, SAME_AS, REFUSED = "name", "same_as", "refused"
SPENT, LONGEST, TELLING = "spent", "longest", "telling"

STARTUP = 12
"""Random trials before the sampler learns from what was found; those it begins with count."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that waits for its figures.

    Args:
        number: of the trial.
        name: the words of its target.
    """

    number: int
    name: str


class Record:
    """A study whose trials are asked one by one and told in order.

    What the sampler picks depends on the seed, the number of the trial and the trials told before,
    not on when the search was interrupted. Only one process may use the file.

    Args:
        folder: of the file.
        space: that is searched.
        seed: of the sampler.

    Raises:
        StorageError: the file cannot be written.
    """

    def __init__(self, folder: Path, space: Space, *, seed: int) -> None:
        self._space, self._seed = space, seed
        path = folder / JOURNAL_FILE
        with storage_errors(path):
            _mend(path)
            self._study = _open(path)
        if len(self._in_state("WAITING")) == len(self._study.trials):
            # None is begun; a run that was killed may have laid some of them down.
            for answers in first_trials(space)[len(self._study.trials) :]:
                self._study.enqueue_trial(answers)

    @property
    def spent(self) -> float:
        """Seconds that the search has taken so far."""
        return float(self._study.user_attrs.get(SPENT, 0.0))

    @property
    def longest(self) -> float:
        """Seconds that the longest batch took."""
        return float(self._study.user_attrs.get(LONGEST, 0.0))

    def spend(self, seconds: float) -> None:
        """Add a batch's seconds to what the search has taken."""
        self._study.set_user_attr(SPENT, round(self.spent + seconds, 3))
        self._study.set_user_attr(LONGEST, round(max(self.longest, seconds), 3))

    @property
    def telling(self) -> bool:
        """Whether the trials that wait belong to a batch of which some may be told."""
        return bool(self._study.user_attrs.get(TELLING, False))

    @telling.setter
    def telling(self, now: bool) -> None:
        self._study.set_user_attr(TELLING, now)

    @property
    def tried(self) -> int:
        """Different targets that were picked so far."""
        return sum(
            NAME in trial.user_attrs and SAME_AS not in trial.user_attrs
            for trial in self._study.trials
        )

    def waiting(self) -> list[Asked]:
        """Trials that were asked and not told yet, such as those of a run that was killed."""
        found = []
        for trial in self._in_state("RUNNING"):
            if NAME in trial.user_attrs:
                found.append(Asked(trial.number, trial.user_attrs[NAME]))
            else:  # killed between two picks: a matter of milliseconds
                self._fail(trial.number)
        return found

    def measured(self) -> list[str]:
        """Names of the targets whose figures are told, without repeats, in order."""
        told = [trial.user_attrs[NAME] for trial in self._in_state("COMPLETE")]
        return list(dict.fromkeys(told))

    def refused(self) -> dict[str, str]:
        """What was picked and does not go together, and why."""
        return {
            trial.user_attrs.get(NAME, f"trial {trial.number}"): trial.user_attrs[REFUSED]
            for trial in self._in_state("FAIL")
            if REFUSED in trial.user_attrs
        }

    def given_up(self) -> list[str]:
        """Names of the targets that could not be measured."""
        return [
            trial.user_attrs[NAME]
            for trial in self._in_state("FAIL")
            if NAME in trial.user_attrs and SAME_AS not in trial.user_attrs
        ]

    def numbers(self) -> dict[str, int]:
        """Number of the first trial of each target that was measured."""
        found: dict[str, int] = {}
        for trial in self._in_state("COMPLETE"):
            found.setdefault(trial.user_attrs[NAME], trial.number)
        return found

    def ask(self) -> Asked | None:
        """The next trial, unless what was picked does not go together or was picked before."""
        begun = [trial for trial in self._study.trials if trial.state.name != "WAITING"]
        self._study.sampler = _sampler(derive_seed(self._seed, "trial", len(begun)))
        trial = self._study.ask()
        try:
            name = self._space.choose(trial)
        except UsageError as error:
            trial.set_user_attr(REFUSED, str(error))
            self._fail(trial.number)
            return None
        earlier = {one.user_attrs[NAME]: one for one in begun if NAME in one.user_attrs}
        trial.set_user_attr(NAME, name)
        if name not in earlier:
            return Asked(trial.number, name)
        same = earlier[name]
        trial.set_user_attr(SAME_AS, same.number)
        if same.state.name == "COMPLETE":
            self._study.tell(trial, same.values)
        else:
            self._fail(trial.number)
        return None

    def tell(self, asked: Asked, accuracy: float, auc: float) -> None:
        """The figures of a trial."""
        self._study.tell(asked.number, [accuracy, leak_of(auc)])

    def give_up(self, asked: Asked) -> None:
        """Say that a trial could not be measured."""
        self._fail(asked.number)

    def _fail(self, number: int) -> None:
        from optuna.trial import TrialState

        self._study.tell(number, state=TrialState.FAIL)

    def _in_state(self, name: str) -> Sequence[FrozenTrial]:
        return [trial for trial in self._study.trials if trial.state.name == name]


def _open(path: Path) -> optuna.Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(
        study_name=STUDY,
        storage=JournalStorage(JournalFileBackend(str(path))),
        directions=["maximize", "minimize"],
        load_if_exists=True,
    )


def _sampler(seed: int) -> Any:
    from optuna.samplers import TPESampler

    return TPESampler(seed=seed, n_startup_trials=STARTUP)


def _mend(path: Path) -> None:
    """Remove what a killed run left: its lock, and a last line that it did not finish."""
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with new_file(path) as part:
            part.write_bytes(content[:whole])
