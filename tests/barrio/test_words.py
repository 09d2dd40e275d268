"""What devices say about themselves, in signs that no file and no answer can carry."""

import numpy as np
import pytest

from tests.barrio.scripted import until
from tests.barrio.test_conditions import alarm
from twin.quality import Reason

ODD = "lone \ud800 surrogate, nul \0, half \udcff"


@pytest.mark.parametrize("way", ["bad reading", "silence", "event", "link"])
async def test_words_of_a_device_end_nothing(stage, way):
    """Words that are no text (JSON may hold half a sign) are kept and shown as far as they can be."""
    link = stage.links["probe"]
    row = link.point("temperature").id
    if way == "bad reading":
        await link.give("temperature", np.nan, Reason.WRONG_TYPE, ODD)
    elif way == "silence":
        link.sink.silent(np.array([row], np.int32), Reason.NO_ANSWER, ODD)
    elif way == "event":
        link.sink.event(alarm(key=ODD))
    else:
        link.break_off(ODD)
    await until(lambda: way == "event" or stage.platform.gaps.reason[row] != Reason.NOT_HEARD_YET)
    await stage.platform.in_thread("ledger", lambda: None)
    answers = [await stage.http.get(f"/api/v1/{path}") for path in ("points", "gaps", "conditions", "status")]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert not stage.platform._failed.done()
