"""Parses, standardises and names molecules with RDKit."""

from dataclasses import dataclass

from rdkit import Chem, RDLogger
from rdkit.Chem.inchi import MolToInchiKey
from rdkit.Chem.MolStandardize import rdMolStandardize

from scripts.common.errors import ExpectedError


@dataclass(frozen=True)
class Standard:
    """How molecules are standardised.

    Attributes:
        largest_fragment: keep the largest fragment of salts and mixtures.
        neutralize: remove charges where adding or removing hydrogens can.
    """

    largest_fragment: bool
    neutralize: bool


@dataclass(frozen=True)
class Molecule:
    """A molecule that could be read.

    Attributes:
        smiles: canonical SMILES after standardisation.
        inchikey: its InChIKey.
    """

    smiles: str
    inchikey: str


class UnusableError(ExpectedError):
    """A SMILES that gives no molecule; the message is the reason."""


def silence_rdkit() -> None:
    """Stop RDKit from writing about single molecules; their reasons stand in tables."""
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]


def read_molecule(smiles: str, standard: Standard) -> Molecule:
    """Return the standardised molecule of a SMILES.

    Raises:
        UnusableError: "unparsable" (no valid SMILES), "no_atoms", "not_standardised" (RDKit cannot
            take it apart or neutralise it) or "no_inchi" (no InChIKey can be made).
    """
    molecule = Chem.MolFromSmiles(smiles)
    if molecule is None:
        raise UnusableError("unparsable")
    if not molecule.GetNumAtoms():
        raise UnusableError("no_atoms")
    try:
        if standard.largest_fragment:
            molecule = rdMolStandardize.LargestFragmentChooser().choose(molecule)
        if standard.neutralize:
            molecule = rdMolStandardize.Uncharger().uncharge(molecule)
        # Through the text once more, so that the descriptors are those of the stated SMILES.
        canonical = Chem.MolToSmiles(molecule)
        molecule = Chem.MolFromSmiles(canonical)
    except (Chem.MolSanitizeException, ValueError, RuntimeError) as error:
        raise UnusableError("not_standardised") from error
    if molecule is None:
        raise UnusableError("not_standardised")
    key = MolToInchiKey(molecule)
    if not key:
        raise UnusableError("no_inchi")
    return Molecule(Chem.MolToSmiles(molecule), key)
