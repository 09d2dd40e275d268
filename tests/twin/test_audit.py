"""The audit log: one changed byte is found, a lost end too, and what a crash leaves is no damage."""

import errno
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.audit import Audit, NotAudited
from twin.chain import NO_HASH, Head, backwards, checked, head_of, newest, sealed, verify
from twin.clock import rfc3339
from twin.files import Files

NS = 10**9


def entry(number, **more):
    return {
        "at": rfc3339(number * NS),
        "step": "accepted",
        "id": number,
        "who": "ana",
        "words": "ñ “40 %”",
        **more,
    }


def written(path, count=3, first=1):
    """Write a log of some entries."""
    log = Audit(path)
    log.open()
    for number in range(first, first + count):
        log.append([entry(number)])
    log.close()
    return log


def reopened(path):
    log = Audit(path)
    log.open()
    return log


def test_what_was_written_is_sound(tmp_path):
    """The verdict has the count and the head, which may be kept elsewhere."""
    path = tmp_path / "audit.log"
    log = written(path)
    found = verify(path)

    assert (found.sound, found.lines, found.head, found.remark) == (True, 3, log.head.hash, "")
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["n"] for line in lines] == [1, 2, 3]


def test_every_changed_byte_is_found(tmp_path):
    """Each byte of log and head in turn, changed in three ways; the line that is named is the one, or the next."""
    path = tmp_path / "audit.log"
    written(path)
    sound = path.read_bytes()
    ends = [at for at, byte in enumerate(sound) if byte == ord("\n")]
    for at in range(len(sound)):
        line = sum(end < at for end in ends) + 1
        for bit in (0x01, 0x20, 0x80):
            changed = bytearray(sound)
            changed[at] ^= bit
            path.write_bytes(bytes(changed))
            assert verify(path).line == line, (at, bit)
    path.write_bytes(sound)
    head = head_of(path).read_bytes()
    for at in range(len(head)):
        changed = bytearray(head)
        changed[at] ^= 0x01
        head_of(path).write_bytes(bytes(changed))
        assert not verify(path).sound, at
    head_of(path).write_bytes(head)

    assert verify(path).sound


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (lambda lines: lines[:2], 3, "is missing: audit.head knows 3 lines, there are 2"),
        (lambda lines: lines[1:], 1, "has number 2 where 1 belongs"),
        (lambda lines: [lines[0], lines[2]], 2, "has number 3 where 2 belongs"),
        (lambda lines: [lines[1], lines[0], lines[2]], 1, "has number 2"),
        (lambda lines: [*lines, lines[2]], 4, "has number 3 where 4 belongs"),
        (lambda lines: [lines[0].replace(b"ana", b"eva"), *lines[1:]], 1, "its hash or the line before it"),
        (lambda lines: [lines[0].replace(b'{"', b'{ "', 1), *lines[1:]], 1, "it was changed"),
        (lambda lines: [], 1, "is missing: audit.head knows 3 lines, there are 0"),
        (lambda lines: [lines[0], b"\n", *lines[1:]], 2, "is not JSON"),
        (lambda lines: [lines[0], b"[1]\n", *lines[1:]], 2, "is no entry"),
        (lambda lines: [lines[0], b"[" * 70_000 + b"\n", *lines[1:]], 2, "is too long"),
        (lambda lines: [*lines, b'{"at":'], 4, "was not written to its end"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, line, words):
    """Lines that are gone, moved, repeated, changed or not there yet."""
    path = tmp_path / "audit.log"
    written(path)
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    found = verify(path)

    assert (found.line, found.sound) == (line, False)
    assert words in found.words


def test_a_line_that_was_made_anew_with_its_hash_breaks_the_next(tmp_path):
    """Who forges one line must forge all that follow, and then the head."""
    path = tmp_path / "audit.log"
    written(path)
    lines = path.read_bytes().splitlines(keepends=True)
    forged, head = sealed(Head(), entry(1, who="eva"))
    path.write_bytes(forged + b"".join(lines[1:]))
    assert verify(path).line == 2
    for number in (2, 3):
        line, head = sealed(head, entry(number))
        forged += line
    path.write_bytes(forged)

    assert verify(path).words == "is not the one that audit.head knows"


def test_a_torn_last_line_is_set_aside(tmp_path):
    """A crash in the middle of a line: it is kept beside, said, and the chain goes on."""
    path = tmp_path / "audit.log"
    written(path)
    with path.open("ab") as file:
        file.write(b'{"at":"2026')
    log = reopened(path)
    log.append([entry(4)])

    assert log.remarks == ["the last line was not written to its end: its 11 bytes are in audit.log.torn-1"]
    assert (tmp_path / "audit.log.torn-1").read_bytes() == b'{"at":"2026'
    assert (verify(path).sound, verify(path).lines) == (True, 4)


def test_lines_that_the_head_does_not_have_yet(tmp_path):
    """A crash between log and head: they are taken over, and that is said."""
    path = tmp_path / "audit.log"
    written(path, 2)
    head = head_of(path).read_bytes()
    written_again = reopened(path)
    written_again.append([entry(3)])
    written_again.close()
    head_of(path).write_bytes(head)
    assert verify(path).remark == "the last 1 lines are not in audit.head yet"
    log = reopened(path)

    assert log.remarks == ["the last 1 lines were not in audit.head yet"]
    assert (verify(path).remark, log.head.count) == ("", 3)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path, lines: path.write_bytes(b"".join(lines[:2])), "the log has 2 lines, its head knows 3"),
        (lambda path, lines: path.write_bytes(b""), "the log has 0 lines, its head knows 3"),
        (
            lambda path, lines: path.write_bytes(b"".join(lines[:2]) + lines[2].replace(b"ana", b"eva")),
            "the last line does not fit its hash",
        ),
        (
            lambda path, lines: path.write_bytes(b"".join(lines[:2]) + b"noise\n"),
            "the end of the log cannot be read",
        ),
        pytest.param(
            lambda path, lines: path.write_bytes(b"".join(lines) + b'{"n":1e999,"hash":"x"}\n'),
            "the end of the log cannot be read",
            id="a number beyond all numbers",
        ),
    ],
)
def test_a_log_with_a_wrong_end_is_moved_aside(tmp_path, spoil, words):
    """Nothing is repaired: the file is kept as it is, a new one says so."""
    path = tmp_path / "audit.log"
    head = written(path).head
    spoil(path, path.read_bytes().splitlines(keepends=True))
    spoiled = path.read_bytes()
    log = reopened(path)
    log.append([entry(1, remarks=log.remarks)])

    assert words in log.remarks[0]
    assert f"moved to audit.log.damaged-1, its head was 3 {head.hash}" in log.remarks[0]
    assert (tmp_path / "audit.log.damaged-1").read_bytes() == spoiled
    assert verify(path).sound


def test_a_head_that_counts_below_nothing_is_none(tmp_path):
    """Else a log that lost its end would be sound, as one whose head is behind."""
    path = tmp_path / "audit.log"
    written(path)
    head_of(path).write_bytes(b"-" + head_of(path).read_bytes()[1:])
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))

    assert verify(path).words == "audit.head is missing or damaged"


def test_a_log_that_is_gone(tmp_path):
    """The head remembers that there was one."""
    path = tmp_path / "audit.log"
    written(path)
    path.unlink()

    assert "the log before this one is gone, its head was 3" in reopened(path).remarks[0]


def test_a_head_that_is_gone(tmp_path):
    """It is made anew, on record; until then the log is not sound."""
    path = tmp_path / "audit.log"
    written(path)
    head_of(path).unlink()
    assert verify(path).words == "audit.head is missing or damaged"
    log = reopened(path)

    assert log.remarks == ["audit.head was missing or damaged, the log has 3 lines"]
    assert verify(path).sound


class Failing(Files):
    """Files of which the n-th operation fails, and all after it while `stays`."""

    def __init__(self, number, *, stays=False, short=0):
        self.left = number
        self.stays = stays
        self.short = short

    def _count(self):
        self.left -= 1
        if self.left == 0 or (self.left < 0 and self.stays):
            raise OSError(errno.ENOSPC, "No space left on device")

    def write_at(self, descriptor, data, offset):
        self._count()
        if self.left == 1 and self.short:
            return os.pwrite(descriptor, bytes(data)[: self.short], offset)
        return super().write_at(descriptor, data, offset)

    def sync(self, descriptor):
        self._count()
        super().sync(descriptor)

    def truncate(self, descriptor, size):
        self._count()
        super().truncate(descriptor, size)

    def open(self, path, *, create=False):
        self._count()
        return super().open(path, create=create)


def _takes(log, *entries):
    """Whether a log takes entries; it says why it does not."""
    try:
        log.append(entries)
    except NotAudited as error:
        return "no space left" not in error.words
    return True


@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("short", [0, 40])
def test_a_disk_that_fails_at_any_operation(tmp_path, stays, short):
    """All or nothing: an entry that was refused is not there, and the log is sound for whoever opens it next."""
    for number in range(1, 12):
        path = tmp_path / f"{number}" / "audit.log"
        path.parent.mkdir()
        written(path, 2)
        files = Failing(10**9)
        log = Audit(path, files)
        log.open()
        files.left, files.stays, files.short = number, stays, short
        taken = _takes(log, entry(3), entry(4))
        files.left, files.stays = 10**9, False
        if not taken and _takes(log, entry(3)):
            assert (verify(path).sound, verify(path).lines) == (True, 3)
        log.close()
        again = reopened(path)
        again.append([entry(9)])

        assert verify(path).sound


def test_while_it_is_written(tmp_path):
    """What comes after the verification began is left alone."""
    path = tmp_path / "audit.log"
    written(path)
    log = reopened(path)
    with path.open("ab") as file:
        file.write(b'{"half')

    assert log.verify().sound
    assert not verify(path).sound


def test_the_newest_of_a_time(tmp_path):
    """Newest first, from a start on and before an end, so many at most."""
    path = tmp_path / "audit.log"
    written(path, 30)
    found = newest(path, 5 * NS, 10 * NS, 3)

    assert [one["id"] for one in found] == [9, 8, 7]
    assert newest(tmp_path / "none.log", 0, 2**62, 3) == []


@given(
    st.lists(st.binary(min_size=0, max_size=200).map(lambda raw: raw.replace(b"\n", b"")), max_size=40),
    st.booleans(),
)
def test_lines_backwards(tmp_path_factory, lines, whole):
    """The same lines as forwards, in the other order, whatever the blocks."""
    path = tmp_path_factory.mktemp("log") / "log"
    data = b"".join(line + b"\n" for line in lines)
    data = data if whole else data[:-1]
    path.write_bytes(data * 40)
    forwards = (data * 40).split(b"\n")
    wanted = [part + b"\n" for part in forwards[:-1]] + ([forwards[-1]] if forwards[-1] else [])

    assert list(backwards(path)) == wanted[::-1]


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.text(max_size=20), st.integers(), st.booleans()), max_size=5
    )
)
def test_a_sealed_line_is_sound(facts):
    """Whatever stands in it, also half a character that UTF-8 cannot carry."""
    content = {key: value for key, value in facts.items() if key not in {"n", "hash"}}
    line, head = sealed(Head(), content)

    assert checked(Head(), line[:-1]) == (head, "")
    assert head.hash != NO_HASH
