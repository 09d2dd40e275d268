"""The tokens folder."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from provisioning.plan import ProvisioningError
from provisioning.tokens import Tokens


def test_a_token_is_its_owners(tmp_path):
    """Files are 0600 in a folder that is 0700, whatever the process would do by itself."""
    tokens = Tokens(tmp_path / "deep" / "tokens")
    tokens.write("salinas.write", "secret")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tokens.folder, tokens.folder / "salinas.write")]

    assert modes == [0o700, 0o600]
    assert tokens.read("salinas.write") == "secret"
    assert tokens.names() == ["salinas.write"]


def test_a_token_is_replaced_whole(tmp_path):
    """A new token takes the old one's place, also where a file of one that broke off is in the way."""
    tokens = Tokens(tmp_path)
    tokens.write("salinas.write", "old")
    (tmp_path / ".salinas.write.new").write_text("half")
    tokens.write("salinas.write", "new")

    assert tokens.read("salinas.write") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["salinas.write"]


def test_two_that_write_a_token_at_once_leave_one_of_both(tmp_path):
    """Two applies at the same time: neither fails, and what is there is whole."""
    tokens = Tokens(tmp_path)

    def write(secret: str) -> None:
        for _ in range(40):
            Tokens(tmp_path).write("salinas.write", secret * 50)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, secret) for secret in "abcd"]:
            done.result()

    assert tokens.read("salinas.write") in {secret * 50 for secret in "abcd"}
    assert [path.name for path in tmp_path.iterdir()] == ["salinas.write"]


def test_a_token_that_will_be_made_is_known_until_it_is(tmp_path):
    """Whoever plans after an InfluxDB knows which tokens it makes anew."""
    tokens = Tokens(tmp_path)
    tokens.expect("salinas.raw.read")

    assert tokens.changing("salinas.raw.read")
    tokens.write("salinas.raw.read", "x")
    assert not tokens.changing("salinas.raw.read")


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path):
    """A file in the folder's place is said with the path and no traceback."""
    (tmp_path / "tokens").write_text("")
    tokens = Tokens(tmp_path / "tokens")
    with pytest.raises(ProvisioningError, match=r"tokens/salinas\.write: ") as caught:
        tokens.write("salinas.write", "canary")

    assert "canary" not in str(caught.value)
    with pytest.raises(ProvisioningError, match="not a directory"):
        tokens.read("salinas.write")


@pytest.mark.parametrize("garbage", [b"\xff\xfe", b"two\nlines\n", b"nul\0", b" \n"])
def test_what_is_no_token_is_none(tmp_path, garbage):
    """A file that holds something else is as good as lost: a new token is made for it."""
    (tmp_path / "salinas.write").write_bytes(garbage)

    assert Tokens(tmp_path).read("salinas.write") is None


def test_who_else_may_use_tokens_is_said(tmp_path):
    """A file that all may read in a folder that all may enter, and a folder that all may write to."""
    tokens = Tokens(tmp_path / "tokens")

    assert not tokens.exposed()
    tokens.write("salinas.write", "secret")
    assert not tokens.exposed()
    (tokens.folder / "salinas.write").chmod(0o644)
    assert not tokens.exposed()
    tokens.folder.chmod(0o755)
    assert "may read salinas.write" in tokens.exposed()
    tokens.write("salinas.write", "another")
    assert not tokens.exposed()
    tokens.folder.chmod(0o777)
    assert "may replace tokens" in tokens.exposed()


def test_what_is_not_there_is_none(tmp_path):
    """No folder, no file and an empty file are no token."""
    tokens = Tokens(tmp_path / "none")

    assert (tokens.read("salinas.write"), tokens.names()) == (None, [])
    tokens.write("salinas.write", "")
    assert tokens.read("salinas.write") is None
    tokens.remove("salinas.write")
    tokens.remove("salinas.write")
    assert tokens.names() == []


@pytest.mark.parametrize(
    "name",
    [
        "../x.write",
        "salinas.utility-../../x.read",
        "/etc/x.write",
        "salinas.15m",
        ".write",
        "salinas.write\n",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    """A name that is none of ours is refused, whoever it comes from."""
    tokens = Tokens(tmp_path / "tokens")
    for work in (tokens.read, tokens.remove, lambda one: tokens.write(one, "x")):
        with pytest.raises(ProvisioningError, match="is not the name of a token"):
            work(name)

    assert list(tmp_path.iterdir()) == []
