"""Which kills a disturbed run meets, drawn from a seed: what is killed, and when."""

from dataclasses import dataclass

from scripts.common.hashing import keyed_fraction

STEP, SNAKEMAKE, OVERLOOKED, ALL = "step", "snakemake", "overlooked", "all"
# What kill -9 hits. Half of the kills hit a step alone, as the kernel does when memory runs out.
KINDS = {
    STEP: "one step; Snakemake lives",
    SNAKEMAKE: "Snakemake; its steps go on for a while and are then ended by number",
    OVERLOOKED: "Snakemake; its steps go on beside the next start",
    ALL: "Snakemake and all its steps at once",
}
_DRAWN_KINDS = (STEP, STEP, STEP, SNAKEMAKE, OVERLOOKED, ALL)
# A step of the tiny config lives two to four seconds, half of them in imports.
_LONGEST_DELAY = 3.0
_LONGEST_ALONE = 3.0
# Near a run's end there may be no job left whose end is waited for.
_REACHED_SHARE = 0.95


@dataclass(frozen=True)
class Kill:
    """One kill of a run.

    Attributes:
        kind: key of `KINDS`.
        after: jobs of the run that must have ended before.
        delay: seconds after that.
        pick: in [0, 1), which of the steps that run at that moment.
        alone: seconds that steps go on without their Snakemake before they are ended.
    """

    kind: str
    after: int
    delay: float
    pick: float
    alone: float


def draw_kills(seed: int, run: int, kills: int, jobs: int) -> list[Kill]:
    """Return the kills of a run in order of time, one in each of `kills` equal parts of its jobs.

    Args:
        seed: seed of the soak; the kills are a function of it and the other arguments.
        run: number of the run.
        kills: number of kills.
        jobs: jobs of an undisturbed run.
    """

    def fraction(kill: int, what: str) -> float:
        return keyed_fraction(seed, f"soak {what}", str(run), str(kill))

    return [
        Kill(
            kind=_DRAWN_KINDS[int(fraction(kill, "kind") * len(_DRAWN_KINDS))],
            after=int((kill + fraction(kill, "moment")) / kills * jobs * _REACHED_SHARE),
            delay=round(fraction(kill, "delay") * _LONGEST_DELAY, 2),
            pick=fraction(kill, "pick"),
            alone=round(fraction(kill, "alone") * _LONGEST_ALONE, 2),
        )
        for kill in range(kills)
    ]
