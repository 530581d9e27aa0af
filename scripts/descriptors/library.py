"""A combinatorial library: scaffolds with two places, and substituents for each.

Every combination is a molecule that RDKit joins from its parts; equal ones (symmetric scaffolds
give some twice) are kept once, by canonical SMILES.
"""

from collections.abc import Iterator
from itertools import product

from rdkit import Chem

# Ring systems of medicinal chemistry and open chains between them, with two places each.
SCAFFOLDS = (
    "[*:1]c1ccc([*:2])cc1",
    "[*:1]c1cccc([*:2])c1",
    "[*:1]c1ccc([*:2])nc1",
    "[*:1]c1cnc([*:2])nc1",
    "[*:1]c1csc([*:2])n1",
    "[*:1]c1coc([*:2])n1",
    "[*:1]c1cc([*:2])n[nH]1",
    "[*:1]c1nnc([*:2])s1",
    "[*:1]c1ccc2[nH]c([*:2])cc2c1",
    "[*:1]c1ccc2nc([*:2])ccc2c1",
    "[*:1]c1ccc2oc([*:2])cc2c1",
    "[*:1]c1ccc2nc([*:2])[nH]c2c1",
    "[*:1]C1CCN([*:2])CC1",
    "[*:1]N1CCN([*:2])CC1",
    "[*:1]C1CCC([*:2])CC1",
    "[*:1]C1CCN([*:2])C1",
    "[*:1]C(=O)N[*:2]",
    "[*:1]S(=O)(=O)N[*:2]",
    "[*:1]OCC[*:2]",
    "[*:1]C=C[*:2]",
)
SUBSTITUENTS = (
    "[*]C",
    "[*]CC",
    "[*]C(C)C",
    "[*]C(C)(C)C",
    "[*]CCCCCC",
    "[*]C(F)(F)F",
    "[*]C1CC1",
    "[*]C1CCCCC1",
    "[*]CCO",
    "[*]CCOC",
    "[*]CC(=O)O",
    "[*]CC(=O)OCC",
    "[*]CC(N)=O",
    "[*]CCN(C)C",
    "[*]CC#N",
    "[*]CCS(C)(=O)=O",
    "[*]c1ccccc1",
    "[*]c1ccc(F)cc1",
    "[*]c1ccc(Cl)cc1",
    "[*]c1ccc(Br)cc1",
    "[*]c1ccc(OC)cc1",
    "[*]c1ccc([N+](=O)[O-])cc1",
    "[*]c1ccncc1",
    "[*]c1cccs1",
    "[*]c1ccc2ccccc2c1",
    "[*]Cc1ccccc1",
    "[*]Cc1ccc(C#N)cc1",
    "[*]CCN1CCOCC1",
    "[*]CCC(=O)NC",
    "[*]CCP(=O)(O)O",
)


def molecules() -> Iterator[str]:
    """Yield the canonical SMILES of every molecule of the library once, in a fixed order."""
    seen = set()
    for scaffold, first, second in product(SCAFFOLDS, SUBSTITUENTS, SUBSTITUENTS):
        smiles = _joined(scaffold, first, second)
        if smiles not in seen:
            seen.add(smiles)
            yield smiles


def _joined(scaffold: str, first: str, second: str) -> str:
    """Return the canonical SMILES of a scaffold whose two places are filled."""
    parts = Chem.MolFromSmiles(
        ".".join([scaffold, first.replace("[*]", "[*:1]"), second.replace("[*]", "[*:2]")])
    )
    return Chem.MolToSmiles(Chem.molzip(parts))
