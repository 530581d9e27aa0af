"""Files of the threshold sweep and of bootstraps whose agreement with the run follows by hand.

Of a to e, c goes to b in pass 2, b to a in pass 3, e to d in pass 4; r is a reject. A bootstrap
repeats that, or pass 3 exchanges a for b and lets d go to b.
"""

from pathlib import Path

import numpy as np

from scripts.common.files import write_json
from scripts.descriptors import stability_measures, sweep_thresholds
from scripts.descriptors.pass_lineages import LineageByPass, lineages_after_passes
from tests.report.fake_tables import write_tsv

NAMES = ["a", "b", "c", "d", "e", "r"]
REAL = lineages_after_passes(NAMES, NAMES[:5], {2: {"c": "b"}, 3: {"b": "a"}, 4: {"e": "d"}})
EXCHANGED = lineages_after_passes(NAMES, NAMES[:5], {2: {"c": "b"}, 3: {"a": "b", "d": "b"}})
SWEEP = [
    *((1, f"scaled_variance={value:g}", left, 2) for value, left in ((0, 1420), (0.002, 1400))),
    *((2, f"spearman={value:g}", left, 3) for value, left in ((0.9, 600), (0.95, 731))),
    *((3, f"vif={value:g}", left, 4) for value, left in ((5, 105), (10, 140))),
    *((4, pair, left, 5) for pair, left in (("rdc=0.9 nhsic=0.7", 130), ("rdc=1 nhsic=0.9", 133))),
    (4, "rdc=1 nhsic=0.9", 133, 5),
]
CONFIGURED = {"scaled_variance=0.002", "spearman=0.95", "vif=10", "rdc=0.9 nhsic=0.7"}


def write_repeats(folder: Path, *, same: int = 3, exchanged: int = 1) -> None:
    """Write sweep.tsv, stability.tsv and stability.json."""
    found: list[LineageByPass] = [*[REAL] * same, *[EXCHANGED] * exchanged]
    nearest = [np.array([1.0, 1.0])] * same + [np.array([0.96, 0.8])] * exchanged
    last = [one[4] for one in found]
    write_tsv(
        folder / "sweep.tsv",
        sweep_thresholds.COLUMNS,
        [(*row, "yes" if row[1] in CONFIGURED else "no") for row in SWEEP],
    )
    write_tsv(
        folder / "stability.tsv",
        stability_measures.COLUMNS,
        stability_measures.stability_rows(REAL[4], last),
    )
    explained = [np.array([1.0, 1.0])] * same + [np.array([0.9, 0.7])] * exchanged
    facts = stability_measures.summary_of(REAL, found, nearest, explained, [0.7, 0.95])
    write_json(folder / "stability.json", {**facts, "rows": 200, "table_rows": 300, "seed": 3})
