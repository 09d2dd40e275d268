"""`docs/alarms.md` shows what barrio takes and does."""

import re
from pathlib import Path

import pytest

from tests.twin.alarms.test_states import DIAGRAM
from tests.twin.model.folders import write
from twin.alarms import spec
from twin.alarms.states import TABLE, Happening, State

PAGE = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text(encoding="utf-8")
MODELS = (spec.AlarmsSpec, spec.RuleSpec, spec.ExplainsSpec, spec.TogetherSpec, spec.LinksSpec)
ROWS = [
    (info.alias or name, info.description) for model in MODELS for name, info in model.model_fields.items()
]


@pytest.mark.parametrize(("key", "meaning"), ROWS)
def test_every_key_is_on_the_page(key, meaning):
    """Each key of the file has its row, with the words of the model."""
    assert re.search(rf"^\| `{key}` \| .* \| {re.escape(meaning)} \|$", PAGE, re.MULTILINE)


def test_the_table_of_states_is_that_of_the_code():
    """What the page draws is what happens."""
    head = ["raised", "returned", "acknowledged", "shelved", "unshelved", "suppressed"]
    rows = [
        f"| {state} | {' | '.join(str(TABLE.get((state, Happening(name)), '')) for name in head)} |"
        for state in State
    ]
    drawn = re.sub(r" +", " ", PAGE)

    assert all(re.sub(r" +", " ", row) in drawn for row in rows)
    assert DIAGRAM.split()[0] == "raised"


def test_the_example_is_a_file(tmp_path):
    """The rules of the page's example are read without fault, but for the devices that a small district has not."""
    from twin.errors import ConfigError
    from twin.model.loader import load_district

    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    from tests.twin.model.folders import SCHEMAS

    folder = write(tmp_path, {"alarms.yaml": text})
    with pytest.raises(ConfigError) as raised:
        load_district(folder, SCHEMAS, [])
    words = [fault.message for fault in raised.value.faults]

    assert words == [
        "nothing has 3 devices of this rule in common through controls",
        "there is no device or site of kind 'LightingCabinet'",
        "there is no device or site 'cistern-a1'",
    ]
