"""The application: command line, settings, supervision, HTTP surface, simulator and demo. It wires all the others."""

import sys
from importlib.metadata import version

# structlog loads rich wherever there is one, for traces that nobody here prints: a tenth of a start, and 6 MB for good.
_RICH = "rich"
if _RICH not in sys.modules:
    sys.modules[_RICH] = None  # type: ignore[assignment] # which stands for: there is none
    import structlog  # noqa: F401 - so that it has looked

    del sys.modules[_RICH]

__version__ = version("barrio")
