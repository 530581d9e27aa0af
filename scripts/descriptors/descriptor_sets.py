"""The 2D descriptors of RDKit and Mordred, by name; those that need a 3D structure are left out.

Names carry the package, since both call some of them alike (`rdkit.BalabanJ`, `mordred.BalabanJ`).
What cannot be computed for a molecule is NaN: Mordred says so with an object instead of a number.
"""

import math
import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

SETS = ("rdkit", "mordred")


def descriptor_names(sets: Sequence[str]) -> list[str]:
    """Return the columns' names of descriptor sets, in the order of `descriptor_values`."""
    names: list[str] = []
    if "rdkit" in sets:
        from rdkit.Chem import Descriptors

        names += [f"rdkit.{name}" for name, _ in Descriptors.descList]
    if "mordred" in sets:
        names += [f"mordred.{descriptor}" for descriptor in _calculator().descriptors]
    return names


def descriptor_values(smiles: str, sets: Sequence[str]) -> list[float]:
    """Return the descriptors of a molecule; NaN where one cannot be computed.

    Args:
        smiles: a valid SMILES.
        sets: of `SETS`.
    """
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    values: list[Any] = []
    with warnings.catch_warnings():
        # Overflows and divisions by zero of single descriptors; their values say the same.
        warnings.simplefilter("ignore")
        if "rdkit" in sets:
            from rdkit.Chem import Descriptors

            computed = Descriptors.CalcMolDescriptors(molecule, missingVal=math.nan, silent=True)
            values += [computed[name] for name, _ in Descriptors.descList]
        if "mordred" in sets:
            values += list(_calculator()(molecule).values())
    return [_number(value) for value in values]


@cache
def _calculator() -> Any:
    from mordred import Calculator, descriptors

    return Calculator(descriptors, ignore_3D=True)


def _number(value: Any) -> float:
    from mordred.error import MissingValueBase

    return math.nan if isinstance(value, MissingValueBase) else float(value)
