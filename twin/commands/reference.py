"""The generated part of `docs/commanding.md`: the keys of `commands.yaml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from twin.commands import spec

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

BEGIN = "<!-- Generated from twin/commands/spec.py; a test holds it to the models. -->"
END = "<!-- End of the generated part. -->"

_TABLES = (
    ("commands.yaml", spec.CommandsSpec),
    ("commands", spec.CommandSpec),
    ("for", spec.ForSpec),
    ("interlocks", spec.InterlockSpec),
    ("confirm", spec.ConfirmSpec),
    ("lease", spec.LeaseSpec),
    ("read_back", spec.ReadBackSpec),
    ("schedules", spec.ScheduleSpec),
    ("at", spec.StretchSpec),
)
_DURATIONS = frozenset({"within", "default", "longest"})


def reference() -> str:
    """Return the tables of all keys, between the two marks."""
    return "\n".join([BEGIN, "", *(_section(title, model) for title, model in _TABLES), END])


def _section(title: str, model: type[BaseModel]) -> str:
    rows = [_row(name, info) for name, info in model.model_fields.items()]
    return "\n".join([f"`{title}`", "", "| key | without it | meaning |", "|---|---|---|", *rows, ""])


def _row(name: str, info: FieldInfo) -> str:
    default = "required" if info.is_required() else _shown(name, info.get_default())
    return f"| `{info.alias or name}` | {default} | {info.description} |"


def _shown(name: str, value: Any) -> str:
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, BaseModel):
        return "as below"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _DURATIONS:
        return f"`{value:g}s`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    print(reference())  # noqa: T201 - the answer of the command
