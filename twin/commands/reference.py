"""The generated part of `docs/commanding.md`: the keys of `commands.yaml`."""

from __future__ import annotations

from twin.commands import spec
from twin.model.keys import table
from twin.model.selection import Selection

BEGIN = "<!-- Generated from twin/commands/spec.py; a test holds it to the models. -->"
END = "<!-- End of the generated part. -->"

_TABLES = (
    ("commands.yaml", spec.CommandsSpec),
    ("commands", spec.CommandSpec),
    ("for", Selection),
    ("interlocks", spec.InterlockSpec),
    ("confirm", spec.ConfirmSpec),
    ("lease", spec.LeaseSpec),
    ("read_back", spec.ReadBackSpec),
    ("schedules", spec.ScheduleSpec),
    ("at", spec.StretchSpec),
)


def reference() -> str:
    """Return the tables of all keys, between the two marks."""
    return "\n".join([BEGIN, "", *(table(f"`{title}`", model) for title, model in _TABLES), END])


if __name__ == "__main__":
    print(reference())  # noqa: T201 - the answer of the command
