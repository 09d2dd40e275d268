"""Answers that are tables: columns in, any of the formats out, a part at a time."""

import os

# pyarrow's own allocator keeps what was freed, where nobody can take it back; it looks here when it is first imported.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
