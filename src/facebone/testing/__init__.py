"""The contracts that every part keeps: FaceBone's own and those of other packages.

::

    from facebone.testing import attack_checks

    @pytest.mark.parametrize("check", attack_checks(MyAttack), ids=str)
    def test_contract(check):
        check()

`check_attack` and the like run all checks at once, and raise the first `ContractError`, an
`AssertionError` whose message says which part, which check, and why.
"""

from facebone.testing.contract import Check, ContractError
from facebone.testing.parts import (
    attack_checks,
    backbone_checks,
    check_attack,
    check_backbone,
    check_dataset,
    check_defence,
    check_head,
    dataset_checks,
    defence_checks,
    head_checks,
)

__all__ = [
    "Check",
    "ContractError",
    "attack_checks",
    "backbone_checks",
    "check_attack",
    "check_backbone",
    "check_dataset",
    "check_defence",
    "check_head",
    "dataset_checks",
    "defence_checks",
    "head_checks",
]
