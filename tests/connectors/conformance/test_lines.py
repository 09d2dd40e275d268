"""Lines of functions are counted as they run."""

import runpy
import threading

from connectors.conformance.lines import LinesRun, lines_of

CODE = '''"""A module."""

LIMIT = 3


def small(number):
    """Say whether it is."""
    if number < LIMIT:
        return True
    return False


def numbers():
    for number in range(2):
        yield number


class Thing:
    def never(self):
        return [
            small(number)
            for number in numbers()
        ]
'''


def test_counts_lines_of_functions_only(tmp_path):
    """The lines of the module and the `def` lines are not among them."""
    path = tmp_path / "code.py"
    path.write_text(CODE)

    assert lines_of(path) == {8, 9, 10, 14, 15, 20, 21, 22}


def test_counts_what_has_run_in_all_threads(tmp_path):
    """A line that ran, here or in another thread, is counted; one that did not is named."""
    path = tmp_path / "code.py"
    path.write_text(CODE)
    module = runpy.run_path(str(path))
    lines = LinesRun()
    lines.start([tmp_path])
    try:
        module["small"](1)
        thread = threading.Thread(target=lambda: list(module["numbers"]()))
        thread.start()
        thread.join()
    finally:
        lines.stop()
    module["small"](5)

    assert lines.missed(tmp_path) == {"code.py": [10, 20, 21, 22]}
    assert lines.counted(tmp_path) == (4, 8)
