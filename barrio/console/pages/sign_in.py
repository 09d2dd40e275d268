"""Signing in with a token, or with the code of a login link.

Neither passes through a page of ours: the browser shows it to `POST /api/v1/session` itself, and gets a cookie that no
script can read. The code of a link stands after `#`, which a browser sends to nobody.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nicegui import ui
from starlette.requests import Request

from barrio.console import frame, words
from barrio.console.parts import Tag, link
from barrio.console.visitor import Visitor

if TYPE_CHECKING:
    from barrio.console.front import Console

_BEGIN = """
const begin = async (shown) => {
  const answer = await fetch('/api/v1/session', {
    method: 'POST', credentials: 'same-origin',
    headers: {'Content-Type': 'application/json'}, body: JSON.stringify(shown),
  });
  if (answer.ok) { window.location.assign('/'); return; }
  const words = %s;
  document.getElementById('sign-in-said').textContent = words[answer.status] || words[0];
};
"""
_SUBMIT = """async (event) => {
  event.preventDefault();
  %s
  const field = event.target.elements.token;
  await begin({token: field.value.trim()});
  field.value = '';
}"""
_CODE = """
  %s
  const code = new URLSearchParams(window.location.hash.slice(1)).get('code');
  if (code) {
    history.replaceState(null, '', window.location.pathname);
    begin({code});
  }
"""


def add(console: Console) -> None:
    """Register the page."""

    @ui.page("/console/sign-in", response_timeout=15)
    async def sign_in(request: Request) -> None:
        visitor = Visitor(console, request)
        who = await visitor.who()
        say = visitor.say
        said = json.dumps({404: say(words.NO_SESSIONS), 0: say(words.NOT_KNOWN)})
        begin = _BEGIN % said
        with frame.page(visitor, who, say(words.SIGN_IN)):
            Tag("h1", say(words.SIGN_IN))
            Tag("p", say(words.SIGN_IN_LEAD), "lead")
            if who is not None and not frame.is_public(who):
                Tag("p", say(words.SIGNED_AS).replace("{who}", who.name), "note")
            form = Tag("form", look="narrow", method="post", action="#")
            form.on("submit", js_handler=_SUBMIT % begin)
            with form:
                with Tag("label", look="field"):
                    Tag("span", say(words.TOKEN))
                    Tag("input", type="password", name="token", required=True, autocomplete="off", id="token")
                Tag("button", say(words.SIGN_IN), "button main", type="submit")
            Tag("p", "", "note no", id="sign-in-said", role="alert")
            with Tag("p", look="quiet"):
                link(say(words.MAP), "/")
        ui.context.client.on_connect(lambda: ui.run_javascript(_CODE % begin))
