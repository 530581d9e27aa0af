"""The table of runs: seeds, exact epochs, and one line for each thing that cannot work."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.check_config import ROOT
from scripts.common.config import load_schema
from scripts.common.errors import ConfigError
from scripts.common.run_epochs import canonical_epoch, epochs_of, parent_of
from scripts.common.runs_table import read_runs

SCHEMA = load_schema(ROOT / "config" / "schema.yaml")
COLUMNS = ("run", "kind", "length", "init", "epochs", "eval_every", "schedule_epochs", "seed")


def write(path: Path, *rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> Path:
    given = {"kind": "mlm", "length": "256"}
    lines = ["\t".join(columns)]
    lines += ["\t".join((given | row).get(name, "") for name in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_row_has_the_published_defaults_and_canonical_epochs(tmp_path):
    table = write(tmp_path / "runs.tsv", {"run": "a", "epochs": "2", "schedule_epochs": "3.00"})
    (run,) = read_runs(table, SCHEMA, [256]).values()
    assert (run["lr"], run["warmup_ratio"], run["weight_decay"]) == (8e-5, 0.16, 0.045)
    assert (run["epochs"], run["eval_every"], run["schedule_epochs"]) == ("2.0", "0.5", "3.0")
    assert (run["seed"], run["whole_word"], run["entity_supervision"]) == (42, False, True)
    assert epochs_of(run) == ["0.5", "1.0", "1.5", "2.0"]
    assert parent_of(run) is None


def test_several_seeds_are_runs_of_their_own_and_children_follow_theirs(tmp_path):
    table = write(
        tmp_path / "runs.tsv",
        {"run": "a", "seed": "1 2", "epochs": "1"},
        {"run": "b", "seed": "2", "init": "a@1", "kind": "entity_ft"},
        {"run": "c", "seed": "1 2", "init": "a@best", "kind": "entity_ft"},
    )
    runs = read_runs(table, SCHEMA, [256])
    assert list(runs) == ["a_s1", "a_s2", "b", "c_s1", "c_s2"]
    assert [run["init"] for run in runs.values()] == [
        "base",
        "base",
        "a_s2@1.0",
        "a_s1@best",
        "a_s2@best",
    ]
    assert {run["group"] for run in runs.values()} == {"a", "b", "c"}


def test_a_row_may_not_be_called_as_a_seed_of_another(tmp_path):
    rows = {"run": "a", "seed": "1 2"}, {"run": "a_s2"}
    with pytest.raises(ConfigError) as error:
        read_runs(write(tmp_path / "runs.tsv", *rows), SCHEMA, [256])
    assert str(error.value) == (
        "runs.tsv, run a, column seed = [1, 2] names a run a_s2, which another row is called; "
        "rename one of them"
    )


@given(st.integers(1, 40), st.sampled_from(["0.1", "0.25", "0.5", "1", "0.125"]))
def test_every_epoch_has_one_name_and_the_last_is_the_runs_own(number, every):
    last = str(Decimal(every) * number)
    names = epochs_of({"eval_every": every, "epochs": last})
    assert len(names) == len(set(names)) == number
    assert names[-1] == canonical_epoch(last)
    assert all(canonical_epoch(name) == name and "." in name for name in names)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"length": "512"}, "runs.tsv, run b, column length = 512 has no dataset; allowed: "),
        ({"epochs": "1.2"}, "runs.tsv, run b, column epochs = 1.2 is no multiple of eval_every"),
        ({"epochs": "0"}, "runs.tsv, run b, column epochs = 0 is no multiple of eval_every"),
        ({"epochs": "6"}, "epochs = 6 is above schedule_epochs = 5, where the learning rate"),
        ({"init": "z@best"}, "init = z@best names no run of this table; allowed: base, a, b"),
        ({"init": "a@0.7"}, "init = a@0.7 is no checkpoint of a; allowed: best, 0.5, 1.0"),
        ({"init": "b@best"}, "init = b@best makes the run start from itself"),
        ({"init": "a"}, 'runs.tsv line 3, column init = "a" is not allowed; allowed: string'),
        ({"kind": "mlmm"}, 'runs.tsv line 3, column kind = "mlmm" is not allowed; allowed: mlm,'),
        ({"kind": "combined"}, "entity_share is empty; a run of kind combined needs one"),
        ({"entity_share": "0.5"}, "entity_share = 0.5 has no meaning; allowed: only for kind"),
        ({"entity_supervision": "no"}, "entity_supervision = no has no meaning; allowed: only for"),
        (
            {"extra_masking": "0.2"},
            "extra_masking = 0.2 has no meaning; allowed: only for kind combined and entity_ft",
        ),
        (
            {"kind": "entity_ft", "mask_max": "0.4"},
            "mask_max = 0.4 has no meaning; allowed: only for kind mlm and combined",
        ),
        (
            {"kind": "entity_ft", "entity_supervision": "true"},
            'column entity_supervision = "true" is not allowed; allowed: yes, no',
        ),
        ({"mask_min": "0.5"}, "mask_min = 0.5 is above mask_max = 0.36"),
        ({"lr": "fast"}, 'runs.tsv line 3, column lr = "fast" is not allowed; allowed: number'),
        ({"run": "a"}, "runs.tsv line 3, column run = a stands twice; names are unique"),
        ({"init": "a@1", "seed": "9"}, "seed = [9] is not among those of a, [1, 2]"),
    ],
)
def test_what_cannot_work_is_one_line(tmp_path, row, complaint):
    columns = (*COLUMNS, *sorted(set(row) - set(COLUMNS)))
    first = {"run": "a", "epochs": "1", "seed": "1 2"}
    table = write(tmp_path / "runs.tsv", first, {"run": "b", "seed": "1", **row}, columns=columns)
    with pytest.raises(ConfigError) as error:
        read_runs(table, SCHEMA, [256])
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_run_longer_than_the_one_it_starts_from_is_refused_before_that_is_trained(tmp_path):
    parent, child = {"run": "a", "epochs": "1"}, {"run": "b", "length": "512", "init": "a@best"}
    with pytest.raises(ConfigError) as error:
        read_runs(write(tmp_path / "runs.tsv", parent, child), SCHEMA, [256, 512])
    assert str(error.value) == (
        "runs.tsv, run b, column length = 512 is above that of a, 256, whose model takes no longer "
        "rows; allowed: at most that"
    )
    shorter = write(tmp_path / "good.tsv", parent | {"length": "512"}, child | {"length": "256"})
    assert read_runs(shorter, SCHEMA, [256, 512])["b"]["init"] == "a@best"


def test_a_circle_of_runs_is_named(tmp_path):
    table = write(
        tmp_path / "runs.tsv", {"run": "a", "init": "b@best"}, {"run": "b", "init": "a@best"}
    )
    with pytest.raises(ConfigError, match="run a, column init = b@best makes the run start from"):
        read_runs(table, SCHEMA, [256])
