"""What each command does; `barrio.cli` says which there are."""

from barrio.absent import absent

# It would load rich to draw tracebacks: 4 MB of a process that runs for months.
with absent("rich"):
    import structlog  # noqa: F401 - so that it finds no rich
