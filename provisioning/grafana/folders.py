"""Folders: one above all, and one in it for each district.

A folder has no room for a mark; what has its uid is ours. One that somebody moved is moved back, since its permissions
come down from where it stands.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from dashboards.alerts import ROOT_TITLE
from dashboards.kit.names import ROOT_FOLDER, folder_uid
from provisioning.grafana.api import Folder
from provisioning.grafana.work import keep, step
from provisioning.plan import Action, Difference, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from provisioning.grafana.api import Api
    from provisioning.grafana.work import Work
    from provisioning.plan import Step

KIND = "folder"
# Grafana from 12 on counts what is in a folder from an index that follows a little later.
_SETTLES_S = 10.0
_LOOK_S = 0.25


def plan(work: Work) -> Iterator[Step]:
    """Yield what is to be made, named or moved; the one above all first."""
    yield from _plan_one(work, Folder(ROOT_FOLDER, ROOT_TITLE, ""), ROOT_TITLE)
    for district in work.districts:
        last = work.found.record(district.id).get("folder", district.name)
        yield from _plan_one(work, Folder(folder_uid(district.id), district.name, ROOT_FOLDER), str(last))


def _plan_one(work: Work, wanted: Folder, last_title: str) -> Iterator[Step]:
    found = work.found.folders.get(wanted.uid)
    api = work.api
    if found is None:
        yield step(KIND, wanted.title, Action.CREATE, partial(api.create_folder, wanted))
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


def destroy(work: Work, ours_inside: dict[str, int], others: Collection[str]) -> Iterator[Step]:
    """Yield what removes folders that have nothing foreign in them.

    `ours_inside` says how many things of ours are in each, which are gone by then; `others` are folders in the one
    above all that stay.
    """
    gone = 0
    for district in work.districts:
        uid = folder_uid(district.id)
        found = work.found.folders.get(uid)
        if found is None:
            continue
        foreign = work.api.inside(uid) - ours_inside.get(uid, 0)
        if foreign > 0:
            yield keep(KIND, found.title, f"{_things(foreign)} in it not made by barrio")
            continue
        gone += 1
        yield step(KIND, found.title, Action.DELETE, partial(_delete_empty, work.api, uid))
    root = work.found.folders.get(ROOT_FOLDER)
    if root is None:
        return
    left = work.api.inside(ROOT_FOLDER) - sum(ours_inside.values()) - gone
    if others or left > 0:
        yield keep(KIND, root.title, "other folders are in it" if others else f"{_things(left)} in it left")
        return
    yield step(KIND, root.title, Action.DELETE, partial(_delete_empty, work.api, ROOT_FOLDER))


def _things(number: int) -> str:
    return "there is 1 thing" if number == 1 else f"there are {number} things"


def _delete_empty(api: Api, uid: str) -> None:
    """Remove a folder once nothing is in it: whatever is in a folder goes with it, and cannot be brought back."""
    until = time.monotonic() + _SETTLES_S
    while inside := api.inside(uid):
        if time.monotonic() >= until:
            raise ProvisioningError(f"DELETE /api/folders/{uid}", f"not done: {_things(inside)} in it")
        time.sleep(_LOOK_S)
    if api.pages_in(uid) or api.folders_in(uid):
        raise ProvisioningError(f"DELETE /api/folders/{uid}", "not done: somebody put something into it")
    api.delete_folder(uid)
