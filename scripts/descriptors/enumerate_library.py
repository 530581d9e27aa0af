"""Enumerates the embedded library of molecules.

In: nothing. Out: a table of ids and SMILES (`LIBRARY`). Method: scaffolds × substituents, joined
by RDKit, equal molecules once; of them as many as asked for, a keyed choice.
"""

from pathlib import Path

from scripts.common.entry import entry
from scripts.common.errors import ConfigError
from scripts.common.hashing import keyed_hash
from scripts.common.tables import table_of_rows, write_table
from scripts.descriptors.tables import LIBRARY


def run(library: Path, *, molecules: int, seed: int) -> None:
    """Write the library.

    Args:
        library: where it goes.
        molecules: how many molecules are chosen.
        seed: key of the choice.

    Raises:
        ConfigError: the library holds fewer molecules.
    """
    from scripts.descriptors.library import molecules as all_molecules

    every = list(all_molecules())
    if molecules > len(every):
        raise ConfigError(
            f"config key descriptors.library.molecules = {molecules} is more than the library "
            f"holds; allowed: at most {len(every)}"
        )
    chosen = sorted(every, key=lambda smiles: (keyed_hash(seed, "library", smiles), smiles))
    rows = [
        {"id": f"library-{number:05d}", "smiles": smiles}
        for number, smiles in enumerate(chosen[:molecules])
    ]
    write_table(library, table_of_rows(rows, LIBRARY), LIBRARY)


if __name__ == "__main__":
    entry(run, globals().get("snakemake"))
