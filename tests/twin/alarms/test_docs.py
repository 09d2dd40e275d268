"""`docs/alarms.md` shows what barrio takes and does."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tests.twin.alarms.test_states import DIAGRAM
from tests.twin.model.folders import write
from twin.alarms import spec
from twin.alarms.states import TABLE, Happening, State

PAGE = (Path(__file__).parents[3] / "docs" / "alarms.md").read_text(encoding="utf-8")
MODELS = (spec.AlarmsSpec, spec.RuleSpec, spec.ExplainsSpec, spec.TogetherSpec, spec.LinksSpec)


def shown(info):
    """Return what the page says of a key that is left out."""
    value = info.get_default()
    if info.is_required():
        return "required"
    if value is None or value in ("", ()) or isinstance(value, BaseModel):
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    seconds = isinstance(value, float) and any(getattr(one, "func", None) is DELAY for one in info.metadata)
    return f"{value:g}s" if seconds else f"{value}"


DELAY = next(one.func for one in spec.RuleSpec.model_fields["on_delay"].metadata if hasattr(one, "func"))
ROWS = [
    (info.alias or name, shown(info), info.description)
    for model in MODELS
    for name, info in model.model_fields.items()
]


@pytest.mark.parametrize(("key", "default", "meaning"), ROWS)
def test_every_key_is_on_the_page(key, default, meaning):
    """Each key of the file has its row, with what holds without it and the words of the model."""
    row = rf"^\| `{key}` \| .* \| {re.escape(default)} \| {re.escape(meaning)} \|$"

    assert re.search(row, PAGE, re.MULTILINE)


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
