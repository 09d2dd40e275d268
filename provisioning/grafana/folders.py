"""Folders: one above all, and one in it for each district.

A folder has no room for a mark; what has its uid is ours. One that somebody moved is moved back, since its permissions
come down from where it stands.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import httpx

from dashboards.alerts import ROOT_TITLE
from dashboards.kit.names import ROOT_FOLDER, folder_uid
from provisioning.grafana.api import Folder
from provisioning.grafana.client import Refused
from provisioning.grafana.work import keep, step
from provisioning.plan import Action, Difference, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from provisioning.grafana.api import Api
    from provisioning.grafana.work import Work
    from provisioning.plan import Step
    from twin.model.district import District

KIND = "folder"
_NAMED = 3
# Grafana from 12 on finds what is in a folder in an index that follows a little later.
_SETTLES_S = 10.0
_LOOK_S = 0.25


def plan(work: Work) -> Iterator[Step]:
    """Yield what is to be made, named or moved; the one above all first."""
    yield from _plan_one(work, Folder(ROOT_FOLDER, ROOT_TITLE, ""), ROOT_TITLE)
    for district in work.districts:
        title = title_of(district)
        last = work.found.record(district.id).get("folder", title)
        yield from _plan_one(work, Folder(folder_uid(district.id), title, ROOT_FOLDER), str(last))


def title_of(district: District) -> str:
    """Return the title of a district's folder: its name on one line, as Grafana cuts off blanks, which is no drift."""
    return " ".join(district.name.split()) or district.id


def _plan_one(work: Work, wanted: Folder, last_title: str) -> Iterator[Step]:
    found = work.found.folders.get(wanted.uid)
    api = work.api
    if found is None:
        yield step(KIND, wanted.title, Action.CREATE, partial(_create, api, wanted))
        return
    if found.parent != wanted.parent:
        changed = (Difference("parent", found.parent or "none", wanted.parent or "none"),)
        move = partial(api.move_folder, wanted.uid, wanted.parent)
        yield step(KIND, wanted.title, Action.CHANGE, move, changed=changed, by_hand=True)
    if found.title != wanted.title:
        changed = (Difference("title", found.title, wanted.title),)
        rename = partial(api.rename_folder, wanted.uid, wanted.title)
        by_hand = found.title != last_title
        yield step(KIND, wanted.title, Action.CHANGE, rename, changed=changed, by_hand=by_hand)


def destroy(work: Work, going: Collection[str]) -> Iterator[Step]:
    """Yield what removes folders that hold nothing but what is `going`, uids of things that steps before remove."""
    gone = set(going)
    titles = [(folder_uid(district.id), title_of(district)) for district in work.districts]
    for uid, title in (*titles, (ROOT_FOLDER, ROOT_TITLE)):
        if work.found.folders.get(uid) is None:
            continue
        left = [words for each, words in work.api.inside(uid).items() if each not in gone]
        if left:
            yield keep(KIND, title, f"it holds {_listed(left)}")
        else:
            gone.add(uid)
            yield step(KIND, title, Action.DELETE, partial(_delete_empty, work.api, uid))


def _create(api: Api, wanted: Folder) -> None:
    try:
        api.create_folder(wanted)
    except Refused as error:
        if error.status != httpx.codes.CONFLICT:
            raise
        words = f"{error.words}: {wanted.title!r} is the title; some Grafanas take one only once in a place"
        raise ProvisioningError(error.call, words) from None


def _listed(things: Collection[str]) -> str:
    first = sorted(things)[:_NAMED]
    more = len(things) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def _delete_empty(api: Api, uid: str) -> None:
    """Remove a folder once nothing is in it: whatever is in a folder goes with it, and cannot be brought back."""
    until = time.monotonic() + _SETTLES_S
    while left := api.inside(uid):
        if time.monotonic() >= until:
            raise ProvisioningError(
                f"DELETE /api/folders/{uid}", f"not done: it holds {_listed(left.values())}"
            )
        time.sleep(_LOOK_S)
    api.delete_folder(uid)
