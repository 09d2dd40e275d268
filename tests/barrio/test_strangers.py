from barrio.strangers import MOST_KNOWN, Strangers


def test_a_stranger_is_noted_once_and_counted():
    """The ledger hears of somebody unknown the first time only; the list keeps what was said last."""
    noted = []
    strangers = Strangers(lambda *note: noted.append(note))
    strangers.seen("coap://x", "lamp-9", "POST /readings", 10)
    strangers.seen("coap://x", "lamp-9", "POST /rd", 20)

    [one] = strangers.listed()
    assert (one.times, one.first, one.last, one.words) == (2, 10, 20, "POST /rd")
    assert noted == [("stranger", 10, "POST /readings", "lamp-9")]


def test_the_list_is_bounded():
    """A flood of names fills the list and not the memory."""
    strangers = Strangers(lambda *_: None)
    for number in range(MOST_KNOWN + 5):
        strangers.seen("coap://x", f"n{number}", "hello", number)

    assert len(strangers.listed()) == MOST_KNOWN
    assert strangers.unlisted == 5


def test_what_a_stranger_says_is_safe_to_show():
    """Control characters and endless texts do not reach a terminal."""
    strangers = Strangers(lambda *_: None)
    strangers.seen("coap://x", "a\x1b[2Jb", "w" * 5_000, 1)

    [one] = strangers.listed()
    assert one.identity.isprintable()
    assert len(one.words) <= 300
