"""Dashboards: saved where what they show is another than it should be, and else left alone, version and all.

A save names the version that was looked at, and Grafana refuses (412) when somebody saved meanwhile. See `marks` for
how a change by hand is told from one of the code.

The overview of all districts is made of those that were named. While it shows others that still have a folder it is
left alone, so that an apply of one district does not take the rest off it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dashboards.kit.names import CITY, PAGES, TAG, district_tag, folder_uid, page_uid
from provisioning.grafana import marks
from provisioning.grafana.client import Refused
from provisioning.grafana.work import keep, step
from provisioning.plan import Action, Difference, ProvisioningError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dashboards.generate import Dashboard
    from provisioning.grafana.api import Api, Json, Page
    from provisioning.grafana.work import Work
    from provisioning.plan import Step

KIND = "dashboard"
_FROM_FILE = "it comes from a file on Grafana's own disk"
_DISTRICT = district_tag("")


def plan(work: Work) -> Iterator[Step]:
    """Yield the dashboards that are to be made or saved again."""
    for page in work.pages:
        others = _others_shown(work) if page.uid == CITY else []
        if others:
            yield keep(
                KIND, page.title, f"it shows {', '.join(others)} as well: name all districts to change it"
            )
        else:
            yield from _plan_one(work, page)


def _plan_one(work: Work, page: Dashboard) -> Iterator[Step]:
    found = work.found.pages.get(page.uid)
    json = _sent(work, page)
    save = partial(_save, work.api, json, page.folder, work.message)
    if found is None:
        yield step(KIND, page.title, Action.CREATE, partial(save, None))
    elif not _ours(work.api, found):
        yield keep(KIND, page.title, f"there is one with the uid {page.uid} that barrio did not make")
    elif found.from_file:
        yield keep(KIND, page.title, _FROM_FILE)
    elif changed := _changed(found, json, page.folder):
        by_hand = _by_hand(found, page.folder)
        yield step(KIND, page.title, Action.CHANGE, partial(save, found), changed=changed, by_hand=by_hand)


def plan_deletes(work: Work) -> Iterator[Step]:
    """Yield the dashboards of ours that there is no reason for any more."""
    wanted = {page.uid for page in work.pages}
    for district in work.districts:
        for uid in (page_uid(district.id, page) for page in PAGES):
            found = work.found.pages.get(uid)
            if found is not None and uid not in wanted and not found.from_file and _ours(work.api, found):
                yield _delete(work.api, found)


def destroy(work: Work) -> Iterator[tuple[str, Step]]:
    """Yield what removes dashboards of the districts, each with its uid."""
    for district in work.districts:
        for uid in (page_uid(district.id, page) for page in PAGES):
            found = work.found.pages.get(uid)
            if found is not None and (found.from_file or not _ours(work.api, found)):
                yield (
                    "",
                    keep(KIND, _title(found), _FROM_FILE if found.from_file else "barrio did not make it"),
                )
            elif found is not None:
                yield uid, _delete(work.api, found)
    city = work.found.pages.get(CITY)
    if city is None or city.from_file or not _ours(work.api, city):
        return
    if others := _others_shown(work):
        words = f"it shows {', '.join(others)} as well: apply what is left"
        yield CITY, keep(KIND, _title(city), words)
    else:
        yield CITY, _delete(work.api, city)


def _delete(api: Api, found: Page) -> Step:
    return step(KIND, _title(found), Action.DELETE, partial(api.delete_page, found.uid))


def _title(found: Page) -> str:
    return str(found.json.get("title", found.uid)) if found.json is not None else found.uid


def _sent(work: Work, page: Dashboard) -> Json:
    """Return the JSON as it is sent; the overview of all districts says which they are."""
    if page.uid != CITY:
        return page.json
    tags = {*(page.json.get("tags") or ()), TAG, *(district_tag(each.id) for each in work.districts)}
    return {**page.json, "tags": sorted(tags)}


def _others_shown(work: Work) -> list[str]:
    """Return the districts that the overview shows, that were not named, and that still have a folder."""
    found = work.found.pages.get(CITY)
    tags = (found.json or {}).get("tags") or () if found is not None else ()
    shown = {str(tag).removeprefix(_DISTRICT) for tag in tags if str(tag).startswith(_DISTRICT)}
    others = sorted(shown - {each.id for each in work.districts})
    return [each for each in others if work.api.folder(folder_uid(each)) is not None]


def _ours(api: Api, found: Page) -> bool:
    return marks.is_ours(found.json) if found.json is not None else TAG in api.tags(found.uid)


def _changed(found: Page, json: Mapping[str, Any], folder: str) -> tuple[Difference, ...]:
    moved = () if found.folder == folder else (Difference("folder", found.folder or "none", folder),)
    if found.json is None:
        return (*moved, Difference("schema", "v2", "classic"))
    digest, version = marks.marked(found.json)
    if version == found.version and digest == marks.content_digest(json):
        return moved
    return (*moved, *marks.page_differences(found.json, json))


def _by_hand(found: Page, folder: str) -> bool:
    """Whether somebody changed it since it was last put there; moving it takes no save."""
    if found.json is None or found.folder != folder:
        return True
    digest, version = marks.marked(found.json)
    return version != found.version and digest != marks.content_digest(found.json)


def _save(api: Api, json: Json, folder: str, message: str, found: Page | None) -> None:
    """Save it over the version that was looked at, and once more where Grafana numbered it otherwise than it does.

    The mark names the version that the save makes. One that named another would leave it to a comparison of contents
    whether anything is to be done, for ever.
    """
    readable = found is None or found.json is not None
    version = found.version if found is not None else 0
    made = _save_over(api, json, folder, message, version, overwrite=not readable)
    if made not in (0, version + 1):
        _save_over(api, json, folder, message, made, overwrite=False)


def _save_over(api: Api, json: Json, folder: str, message: str, version: int, *, overwrite: bool) -> int:
    body = marks.mark(json, version + 1)
    if version:
        body["version"] = version
    try:
        return api.save_page(body, folder, message, overwrite=overwrite)
    except Refused as error:
        if error.body.get("status") != "version-mismatch":
            raise
        words = (
            f"{error.body.get('message', 'refused')}: somebody saved it since it was looked at, plan again"
        )
        raise ProvisioningError(error.call, words) from None
