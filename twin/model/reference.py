"""The generated parts of the pages for integrators: keys of a district's files, profiles that come with barrio."""

from __future__ import annotations

import json
from enum import StrEnum
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from twin.datasets import spec as dataset_spec
from twin.errors import ConfigError
from twin.model import provision_spec, spec
from twin.model.profiles import Profiles
from twin.model.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic.fields import FieldInfo

    from twin.model.protocol import ProtocolSchema

BEGIN = "<!-- Generated from twin/model/spec.py and provision_spec.py; a test holds it to the models. -->"
END = "<!-- End of the generated part. -->"
BEGIN_DATASETS = "<!-- Generated from twin/datasets/spec.py; a test holds it to the models. -->"
BEGIN_LIBRARY = "<!-- Generated from connectors/profiles; a test holds it to the files. -->"
END_LIBRARY = "<!-- End of the list of profiles. -->"

_FILES = (
    ("district.yaml", spec.DistrictSpec),
    ("sites", spec.SiteSpec),
    ("relations", spec.RelationSpec),
    ("retention", spec.RetentionSpec),
    ("location", spec.Location),
    ("devices.yaml", spec.DevicesSpec),
    ("devices", spec.DeviceSpec),
    ("overrides", spec.OverridesSpec),
    ("tables", spec.TableSpec),
    ("profiles/PROFILE.yaml", spec.ProfileSpec),
    ("points", spec.PointSpec),
    ("provisioning.yaml", provision_spec.ProvisioningSpec),
    ("grafana", provision_spec.GrafanaSpec),
    ("teams", provision_spec.TeamSpec),
    ("receivers", provision_spec.ReceiverSpec),
    ("alerts", provision_spec.AlertsSpec),
    ("utilities", provision_spec.UtilitySpec),
)
_DATASETS = (
    ("datasets.yaml", dataset_spec.DatasetsSpec),
    ("owners", dataset_spec.OwnerSpec),
    ("datasets", dataset_spec.DatasetSpec),
    ("points", dataset_spec.MembersSpec),
    ("figures", dataset_spec.FiguresSpec),
)
# A kind of value is named once for all fields that have it; the models know only what it is checked with.
_NAMES = {
    spec.Id: "id",
    spec.DistrictId: "id",
    spec.Seconds: "duration",
    spec.Poll: "duration",
    spec.AgeOfQuarters: "duration",
    spec.AgeOfHours: "duration",
    provision_spec.Patience: "duration",
    dataset_spec.Delay: "duration",
    dataset_spec.Words: "text or list",
    dataset_spec.Levels: "text or list",
    dataset_spec.Members: "mapping or list",
    tuple[()]: "",
    spec.Code: "code",
    spec.TableFile: "file",
    str: "text",
    float: "number",
    int: "whole number",
    bool: "true or false",
    Any: "anything",
}


def reference() -> str:
    """Return the tables of all keys, between the two marks."""
    return "\n".join([BEGIN, *(_section(title, model) for title, model in _FILES), END])


def datasets_reference() -> str:
    """Return the tables of all keys of `datasets.yaml`, between two marks."""
    return "\n".join([BEGIN_DATASETS, *(_section(title, model) for title, model in _DATASETS), END])


def library(folder: Path, schemas: Mapping[str, ProtocolSchema]) -> str:
    """Return the table of the profiles in `folder`'s `profiles/`, between two marks; ConfigError for faulty ones."""
    reading = Reading()
    found = Profiles(folder, [], schemas, reading).check_own()
    if reading.faults.found:
        raise ConfigError(reading.faults.found)
    rows = [_listed(profile.spec) for profile in found]
    head = ["| profile | protocol | kind | points | checked against |", "|---|---|---|---|---|"]
    return "\n".join([BEGIN_LIBRARY, "", *head, *rows, "", END_LIBRARY])


def _listed(profile: spec.ProfileSpec) -> str:
    source = "generic: no maker's model" if profile.source == "generic" else profile.source
    cells = (f"`{profile.profile}`", profile.protocol, profile.kind, str(len(profile.points)), source)
    return f"| {' | '.join(cells)} |"


def _section(title: str, model: type[BaseModel]) -> str:
    level = "###" if title.endswith(".yaml") else "####"
    hints = get_type_hints(model, include_extras=True)
    rows = [_row(name, info, _named(hints[name])) for name, info in model.model_fields.items()]
    lines = [
        "",
        f"{level} `{title}`",
        "",
        "| key | value | default | meaning |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(lines)


def _row(name: str, info: FieldInfo, kind: str) -> str:
    return f"| `{info.alias or name}` | {kind} | {_default(info, kind)} | {info.description} |"


def _named(annotation: Any) -> str:
    """Name what may stand there."""
    if (name := _NAMES.get(annotation)) is not None:
        return name
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return ", ".join(f"`{one}`" for one in annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in _OF_PARTS:
        return _OF_PARTS[origin](arguments)
    return _named(arguments[0])


def _either(arguments: tuple[Any, ...]) -> str:
    return " or ".join(name for part in arguments if part is not type(None) and (name := _named(part)))


_OF_PARTS: Mapping[Any, Callable[[tuple[Any, ...]], str]] = {
    Literal: lambda arguments: ", ".join(f"`{choice}`" for choice in arguments),
    tuple: lambda _: "list",
    dict: lambda arguments: f"mapping of {_named(arguments[0])} to {_named(arguments[1])}",
    UnionType: _either,
    Union: _either,
}


def _default(info: FieldInfo, kind: str) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ("", (), {}) or isinstance(value, BaseModel):
        return "–"
    return f"`{value:g}s`" if kind == "duration" else f"`{json.dumps(value)}`"


if __name__ == "__main__":
    print(reference(), datasets_reference(), sep="\n\n")  # noqa: T201 - the answer of the command
