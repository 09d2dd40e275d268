"""What each command does; `barrio.cli` says which there are."""

import sys
from types import ModuleType
from typing import cast


def _import_structlog_alone() -> None:
    """Import structlog without rich, which it would load to draw tracebacks: 4 MB of a process that runs for months."""
    if "rich" in sys.modules or "structlog" in sys.modules:
        return
    sys.modules["rich"] = cast("ModuleType", None)
    try:
        import structlog  # noqa: F401 - so that it finds no rich
    finally:
        del sys.modules["rich"]


_import_structlog_alone()
