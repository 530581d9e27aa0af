"""The registry: sorted labels are ids, unknown ones are named with the nearest."""

import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.classification.label_map import LabelMap, UnknownLabelError
from scripts.common.errors import ExpectedError, IntegrityError

CODES = LabelMap.of(["8110", "5210", "복리후생비", "5110"], {"5999": "5210"})


@settings(max_examples=30, deadline=None)
@given(labels=st.lists(st.text(st.characters(codec="utf-8")), unique=True))
def test_ids_are_places_in_sorted_order_and_survive_the_file(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("map") / "label_map.json"
    LabelMap.of(labels).write(path)
    registry = LabelMap.read(path)
    assert registry == LabelMap.of(reversed(labels)) and list(registry.labels) == sorted(labels)
    assert registry.ids(labels).tolist() == [sorted(labels).index(label) for label in labels]
    assert registry.names(registry.ids(labels)) == labels


def test_file_reads_as_people_expect(tmp_path):
    CODES.write(tmp_path / "map.json")
    assert json.loads((tmp_path / "map.json").read_text(encoding="utf-8")) == {
        "count": 4,
        "labels": ["5110", "5210", "8110", "복리후생비"],
        "merged": {"5999": "5210"},
    }


def test_a_merged_label_has_the_id_of_what_it_stands_for():
    assert CODES.ids(["5999", "5210", "5110"]).tolist() == [1, 1, 0]


def test_unknown_labels_are_named_with_the_nearest():
    with pytest.raises(UnknownLabelError) as caught:
        CODES.ids(pa.array(["5110", "5120", "x", "5120"]))
    assert isinstance(caught.value, ExpectedError)
    told = str(caught.value)
    assert told.startswith("3 labels are none of the 4 of the label map: '5120', 'x'")
    assert "nearest to '5120': '5210', '5110'" in told or "'5110', '5210'" in told
    assert "\n" not in told


def test_a_number_is_no_label():
    with pytest.raises(UnknownLabelError, match="5110 is no text"):
        CODES.ids(["5110", 5110])
    with pytest.raises(UnknownLabelError, match="None is no text"):
        CODES.ids([None])
    with pytest.raises(UnknownLabelError, match="None"):
        CODES.ids(pa.array([None], pa.string()))


@pytest.mark.parametrize(
    "content",
    [
        {"labels": ["b", "a"], "count": 2, "merged": {}},
        {"labels": ["a", "a"], "count": 2, "merged": {}},
        {"labels": ["a", "b"], "count": 3, "merged": {}},
        {"labels": ["a", 1], "count": 2, "merged": {}},
        {"labels": ["a", "b"], "count": 2, "merged": {"c": "d"}},
        {"labels": ["a", "b"], "count": 2, "merged": {"a": "b"}},
        {"labels": ["a", "b"], "count": 2, "merged": {"c": ["a"]}},
        {"labels": ["a", "b"], "count": 2},
        ["a", "b"],
    ],
)
def test_a_file_that_is_no_registry_is_refused(tmp_path, content):
    (tmp_path / "map.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(IntegrityError, match="is no label map"):
        LabelMap.read(tmp_path / "map.json")
