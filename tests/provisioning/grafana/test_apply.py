"""Plan, apply, and the second apply; what people change; what is other people's."""

import json
import re

import pytest

from dashboards.kit.names import CITY, ROOT_FOLDER, folder_uid, page_uid, receiver_uid, source_uid
from provisioning.grafana.people import address
from provisioning.plan import Action, apply, as_json
from provisioning.tokens import read_name
from tests.provisioning.grafana.conftest import PROVISIONING
from twin.resolution import Resolution

HOME = page_uid("tequila", "home")
RAW = source_uid("tequila", Resolution.RAW)


def lines(steps):
    return [f"{step.action} {step.kind} {step.name}" for step in steps]


def test_a_plan_of_a_new_district_says_all_that_is_made_and_makes_nothing(world, grafana):
    """A plan of a district that Grafana does not know lists everything, in the order of need, and writes nothing."""
    found = lines(world.plan())

    assert found == [
        "create folder Barrio",
        "create folder Tequila",
        "create team Servicios",
        "create team Vecinos",
        "change permissions Tequila",
        "create data source barrio tequila",
        "create data source barrio tequila 15m",
        "create data source barrio tequila 1h",
        "create data source barrio tequila 1d",
        "create dashboard Barrio",
        "create dashboard Tequila: home",
        "create dashboard Tequila: quality",
        "change home Servicios",
        "change home Vecinos",
        "create contact point barrio tequila operations",
        "create contact point barrio tequila hook",
        "create alert rules tequila",
    ]
    assert grafana.writes == []


def test_apply_makes_what_the_plan_says(world, grafana):
    """After an apply Grafana holds the district: folders, teams with their rights, sources, dashboards, alerting."""
    world.apply()

    folder = folder_uid("tequila")
    teams = {team["name"]: number for number, team in grafana.teams.items()}
    assert grafana.folders[folder]["parentUid"] == ROOT_FOLDER
    assert grafana.grants[folder] == [
        {"teamId": teams["Servicios"], "permission": 2},
        {"teamId": teams["Vecinos"], "permission": 1},
    ]
    assert grafana.preferences[teams["Vecinos"]] == {"homeDashboardUID": HOME}
    source = grafana.sources[source_uid("tequila", Resolution.HOUR)]
    assert source["database"] == source["jsonData"]["dbName"] == "tequila_1h"
    assert source["jsonData"]["timeInterval"] == "10s"
    assert source["jsonData"]["maxSeries"] >= 5000
    assert source["secure"] == {"basicAuthPassword": "token-tequila-1h-canary=="}
    assert grafana.pages[HOME].folder == folder
    assert grafana.pages[CITY].folder == ROOT_FOLDER
    rules = [rule for rule in grafana.rules.values() if rule["labels"]["barrio"]]
    assert len(rules) == 3
    assert {rule["notification_settings"]["receiver"] for rule in rules} == {"barrio tequila hook"}
    assert {rule["annotations"]["__dashboardUid__"] for rule in rules} == {page_uid("tequila", "quality")}
    assert {rule["provenance"] for rule in rules} == {"api"}
    hook = grafana.points[receiver_uid("tequila", "hook")]
    assert hook["settings"]["authorization_credentials"] == "canary-hook"


def test_a_second_apply_does_nothing(world, grafana):
    """A second apply plans nothing, writes nothing and makes no versions of dashboards."""
    world.apply()
    versions = {uid: list(page.versions) for uid, page in grafana.pages.items()}
    grafana.forget()

    assert world.plan() == []
    world.apply()
    assert grafana.writes == []
    assert {uid: list(page.versions) for uid, page in grafana.pages.items()} == versions


def test_other_peoples_things_stay_as_they_are(world, grafana):
    """Apply, changes, another apply and a destroy leave everything unmarked as it was."""
    before = grafana.foreign()
    world.apply()
    world.options = type(world.options)(lang="es")
    world.apply()
    applied = grafana.foreign()
    steps = world.target().destroy(keep_data=True)
    outcome = apply(steps)

    assert outcome.error is None
    for name, things in before.items():
        if name != "grants":
            assert applied[name] == things
    assert applied["grants"]["ops"] == before["grants"]["ops"]
    assert grafana.foreign() == before


def test_no_secret_is_ever_said(world, grafana):
    """Secrets go to Grafana and nowhere else: not into plans, words, errors, or what Grafana shows."""
    steps = world.plan()
    apply(steps)
    source = grafana.sources[RAW]
    source["url"] = "http://elsewhere:8086"
    grafana.points[receiver_uid("tequila", "hook")]["settings"]["url"] = "https://canary.example"
    world.tokens.write(read_name("tequila", Resolution.RAW), "token-renewed-canary==")
    world.secrets["hook"] = "canary-renewed"
    said = json.dumps(as_json([*steps, *world.plan()])) + repr(world.target()) + repr(steps)
    shown = json.dumps([each["jsonData"] for each in grafana.sources.values()])
    shown += json.dumps(list(grafana.rules.values()))

    assert "canary" not in said
    assert "canary" not in shown


@pytest.mark.parametrize("schema", ["v1", "v2"])
def test_a_dashboard_changed_by_hand_is_found_and_put_back(world, grafana, schema):
    """A save by somebody is reported as by hand, with what it changed, and the apply makes one version more.

    Two where Grafana does not give the dashboard out, and so not its version before it is saved.
    """
    world.apply()
    # Grafana 11 knows one schema only.
    schema = "v1" if grafana.major == 11 else schema
    grafana.edit_page(HOME, lambda page: page["panels"][0].update(title="Mine"), schema)
    (step,) = world.plan()
    versions = len(grafana.pages[HOME].versions)
    world.apply()

    assert step.by_hand
    assert step.action is Action.CHANGE
    assert step.name in ("Tequila: home", HOME)
    more = 2 if schema == "v2" and grafana.major == 12 else 1
    assert len(grafana.pages[HOME].versions) == versions + more
    assert grafana.pages[HOME].json["panels"][0]["title"] == "Links"
    assert world.plan() == []


def test_a_save_that_changes_nothing_is_no_drift(world, grafana):
    """Somebody who saves a dashboard as it is makes a version, and no drift: what the editor adds is not compared.

    Where Grafana writes what we do not know of, that save is shown, and put back once.
    """
    world.apply()
    grafana.edit_page(HOME, lambda page: None)
    steps = world.plan()
    world.apply()

    assert [step.by_hand for step in steps] == ([True] if grafana.major == 13 else [])
    assert world.plan() == []


def test_what_the_code_changed_is_not_called_by_hand(world, grafana):
    """Where only the code changed, dashboards, rules and data sources are changed without blaming anybody."""
    world.apply()
    world.options = type(world.options)(lang="es")
    world.store_url = "http://store:8086"
    steps = world.plan()

    assert {step.kind for step in steps} == {"dashboard", "data source", "alert rules"}
    assert not any(step.by_hand for step in steps)
    difference = next(one for step in steps if step.name == "Tequila: home" for one in step.differences)
    assert (difference.field, difference.before, difference.after) == ("description", "en", "es")
    world.apply()
    assert world.plan() == []


def test_both_at_once_are_called_by_hand(world, grafana):
    """A dashboard that somebody changed and the code as well is by hand: what they did is lost by an apply."""
    world.apply()
    grafana.edit_page(HOME, lambda page: page.update(title="Mine"))
    world.options = type(world.options)(lang="es")
    steps = {step.name: step for step in world.plan()}

    assert steps["Tequila: home"].by_hand
    assert not steps["Tequila: quality"].by_hand


def test_a_data_source_changed_by_hand_is_found_and_put_back(world, grafana):
    """A URL, a login or a secret that somebody changed on a data source's page is found, named, and put back."""
    world.apply()
    grafana.sources[RAW] |= {"url": "http://elsewhere:8086", "basicAuthUser": "root"}
    (step,) = world.plan()

    assert step.by_hand
    assert [(one.field, one.before) for one in step.differences] == [
        ("url", "http://elsewhere:8086"),
        ("user", "root"),
    ]
    world.apply()
    assert grafana.sources[RAW]["url"] == "http://influxdb:8086"
    grafana.sources[RAW]["secure"].clear()
    (step,) = world.plan()
    assert step.by_hand
    world.apply()
    assert world.plan() == []


def test_a_token_that_was_made_anew_is_handed_over(world, grafana):
    """A rotated token is noticed by its digest and given to Grafana, without being by hand."""
    world.apply()
    world.tokens.write(read_name("tequila", Resolution.DAY), "another==")
    (step,) = world.plan()
    world.apply()

    assert not step.by_hand
    assert [one.field for one in step.differences] == ["token"]
    assert grafana.sources[source_uid("tequila", Resolution.DAY)]["secure"] == {
        "basicAuthPassword": "another=="
    }
    assert world.plan() == []


def test_a_token_that_a_step_before_makes_is_read_when_it_is_there(world, grafana):
    """A plan whose tokens an InfluxDB's step will make says so, and hands over what is there by then."""
    name = read_name("tequila", Resolution.RAW)
    world.tokens.remove(name)
    world.tokens.expect(name)
    steps = world.plan()
    step = next(step for step in steps if step.name == "barrio tequila")
    world.tokens.write(name, "tequila-reader:word")
    outcome = apply(steps)

    assert step.words == "with the token that is made before"
    assert outcome.error is None
    assert grafana.sources[RAW]["basicAuthUser"] == "tequila-reader"
    assert grafana.sources[RAW]["secure"] == {"basicAuthPassword": "word"}
    assert world.plan() == []


def test_a_token_that_nobody_made_ends_the_apply_with_one_line(world):
    """Without a token there is no data source, and the line says which file is missing."""
    world.tokens.remove(read_name("tequila", Resolution.RAW))
    outcome = apply(world.plan())

    assert str(outcome.failed).endswith("barrio tequila")
    assert "tequila.raw.read" in str(outcome.error)
    assert "\n" not in str(outcome.error)


def test_permissions_are_put_back_and_those_of_others_stay(world, grafana):
    """A team's right that somebody changed is put back; what others were granted goes along."""
    world.apply()
    teams = {team["name"]: number for number, team in grafana.teams.items()}
    folder = folder_uid("tequila")
    grafana.grants[folder][0]["permission"] = 4
    grafana.grants[folder] += [{"userId": 3, "permission": 1}, {"teamId": teams["Ops"], "permission": 1}]
    (step,) = world.plan()
    world.apply()

    assert step.by_hand
    assert [(one.field, one.before, one.after) for one in step.differences] == [
        ("Servicios", "admin", "edit")
    ]
    assert {"userId": 3, "permission": 1} in grafana.grants[folder]
    assert {"teamId": teams["Ops"], "permission": 1} in grafana.grants[folder]
    assert {"teamId": teams["Servicios"], "permission": 2} in grafana.grants[folder]
    assert world.plan() == []


def test_a_right_of_somebody_who_is_gone_is_in_nobodys_way(world, grafana):
    """Grafana lists it without a user, team or role, and takes no list with such a one in it."""
    world.apply()
    grafana.grants[folder_uid("tequila")] = [{"userId": 0, "permission": 4}, {"userId": 7, "permission": 1}]
    world.apply()

    assert {"userId": 7, "permission": 1} in grafana.grants[folder_uid("tequila")]
    assert world.plan() == []


def test_a_team_that_is_named_no_more_loses_its_right(world, grafana):
    """A team taken out of provisioning.yaml loses what barrio granted it, and stays a team."""
    world.apply()
    world.districts[0] = world.district(provisioning=PROVISIONING.replace("    - {name: Vecinos}\n", ""))
    steps = world.plan()
    world.apply()

    assert lines(steps) == ["change permissions Tequila", "change data source barrio tequila"]
    assert not any(step.by_hand for step in steps)
    assert len(grafana.grants[folder_uid("tequila")]) == 1
    assert world.plan() == []


def test_a_search_without_numbers_of_teams_will_do(world, grafana):
    """Where a search names teams by uid only, their numbers are asked for: permissions want them."""
    grafana.numbers_teams = False
    world.apply()

    assert world.plan() == []
    numbers = {team["name"]: number for number, team in grafana.teams.items()}
    assert [item["teamId"] for item in grafana.grants[folder_uid("tequila")]] == [
        numbers["Servicios"],
        numbers["Vecinos"],
    ]


def test_a_home_that_somebody_chose_stays(world, grafana):
    """A team that begins with a dashboard of its own is told of, and left alone; other preferences go along."""
    number = grafana.add_team("Servicios")
    grafana.preferences[number] = {"homeDashboardUID": "ops-board", "theme": "dark"}
    other = grafana.add_team("Vecinos")
    grafana.preferences[other] = {"theme": "light"}
    world.apply()
    (kept,) = world.plan()

    assert kept.action is Action.KEEP
    assert grafana.preferences[number] == {"homeDashboardUID": "ops-board", "theme": "dark"}
    assert grafana.preferences[other] == {"homeDashboardUID": HOME, "theme": "light"}


def test_a_folder_that_somebody_moved_or_renamed_is_put_back(world, grafana):
    """A folder is moved back below the one above all and gets its title again."""
    world.apply()
    grafana.folders[folder_uid("tequila")] |= {"parentUid": "ops", "title": "Mine"}
    steps = world.plan()
    world.apply()

    assert lines(steps) == ["change folder Tequila", "change folder Tequila"]
    assert all(step.by_hand for step in steps)
    assert grafana.folders[folder_uid("tequila")]["parentUid"] == ROOT_FOLDER
    assert world.plan() == []


def test_a_district_with_another_name_is_renamed(world, grafana):
    """A district's new name changes the folder's title and what shows it; nobody is blamed, nothing made twice."""
    world.apply()
    world.districts[0] = world.district(title="Tequila Centro")
    steps = world.plan()
    world.apply()

    assert "change folder Tequila Centro" in lines(steps)
    assert not any(step.by_hand for step in steps)
    assert not any(step.action is Action.CREATE for step in steps)
    assert grafana.folders[folder_uid("tequila")]["title"] == "Tequila Centro"
    assert world.plan() == []


def test_blanks_around_a_name_are_no_drift(world):
    """Grafana cuts blanks off a title: a district that is written with some is not renamed for ever."""
    world.districts[0] = world.district(title='" Tequila  Centro "')
    world.apply()

    assert world.plan() == []


def test_a_folder_of_somebody_with_our_title_is_named(world, grafana):
    """Where Grafana takes a title only once, the line says which one is in the way."""
    grafana.add_folder("theirs", "Barrio")
    outcome = apply(world.plan())

    assert str(outcome.error) == (
        "POST /api/folders: Grafana answered 409: a folder with the same name already exists in the current location: "
        "'Barrio' is the title; some Grafanas take one only once in a place"
    )
    assert grafana.folders["theirs"]["title"] == "Barrio"


def test_rules_and_receivers_changed_over_the_api_are_put_back(world, grafana):
    """A rule or a contact point that a program changed is found, and said to be by hand."""
    world.apply()
    rule = next(rule for rule in grafana.rules.values() if rule["labels"]["barrio"] == "silent")
    rule["for"] = "1h"
    grafana.points[receiver_uid("tequila", "operations")]["settings"]["addresses"] = "x@y.example"
    steps = world.plan()
    world.apply()

    assert lines(steps) == [
        "change contact point barrio tequila operations",
        "change alert rules tequila",
    ]
    assert all(step.by_hand for step in steps)
    assert world.plan() == []


def test_what_is_false_in_a_receiver_need_not_be_given_back(world, grafana):
    """A Grafana that leaves out what is false has not changed anything."""
    world.apply()
    del grafana.points[receiver_uid("tequila", "operations")]["settings"]["singleEmail"]

    assert world.plan() == []


def test_an_address_that_the_files_changed_is_not_by_hand(world):
    """Receivers whose files changed are changed without blame, and a rotated secret of a webhook is handed over."""
    world.apply()
    world.districts[0] = world.district(provisioning=PROVISIONING.replace("c@d.example", "e@f.example"))
    steps = world.plan()
    world.apply()
    world.secrets["hook"] = "another"
    renewed = world.plan()
    world.apply()

    assert [step.by_hand for step in steps] == [False, False]
    assert lines(renewed) == ["change contact point barrio tequila hook", "change alert rules tequila"]
    assert not any(step.by_hand for step in renewed)
    assert world.plan() == []


def test_rules_of_others_in_our_group_go_along(world, grafana):
    """A rule that somebody put into our group survives that ours are put again, as it was."""
    world.apply()
    ours = next(iter(grafana.rules.values()))
    theirs = {**ours, "uid": "theirs", "title": "Theirs", "labels": {}, "annotations": {}, "provenance": ""}
    theirs["notification_settings"] = None
    grafana.rules["theirs"] = dict(theirs)
    world.options = type(world.options)(lang="es")
    world.apply()

    assert grafana.rules["theirs"] == theirs
    assert world.plan() == []


def test_things_with_our_uid_that_are_not_ours_are_left_and_told(world, grafana):
    """What has a uid of ours without our mark is reported and left: a dashboard, a data source, a rule, a point."""
    world.apply()
    grafana.pages[HOME].json["tags"] = []
    grafana.pages[HOME].version += 1
    grafana.sources[RAW]["jsonData"].pop("barrio")
    rule = next(rule for rule in grafana.rules.values() if rule["labels"]["barrio"] == "away")
    rule["labels"] = {}
    grafana.points[receiver_uid("tequila", "hook")]["name"] = "theirs"
    before = grafana.foreign()
    grafana.forget()
    kept = [step for step in world.plan() if step.action is Action.KEEP]
    world.apply()

    assert {step.kind for step in kept} == {"dashboard", "data source", "alert rule", "contact point"}
    assert all("did not make" in step.words for step in kept)
    assert grafana.foreign() == before


def test_what_comes_from_files_is_left_and_told(world, grafana):
    """What Grafana was given as files on its own disk cannot be changed over the API, and is said."""
    world.apply()
    grafana.pages[HOME].from_file = True
    grafana.sources[RAW]["readOnly"] = True
    for rule in grafana.rules.values():
        rule["provenance"] = "file"
    kept = world.plan()

    assert {step.action for step in kept} == {Action.KEEP}
    assert {step.words for step in kept} == {"it comes from a file on Grafana's own disk"}


def test_a_save_while_we_apply_is_not_written_over(world, grafana):
    """Somebody who saves between plan and apply wins; the line says to plan again."""
    world.apply()
    world.options = type(world.options)(lang="es")
    steps = world.plan()
    grafana.edit_page(HOME, lambda page: page.update(title="Mine"))
    outcome = apply(steps)

    assert str(outcome.failed).endswith("Tequila: home")
    assert re.search(r"^POST /api/dashboards/db: .*plan again$", str(outcome.error))
    assert grafana.pages[HOME].json["title"] == "Mine"


def test_a_refusal_that_is_no_race_is_told_as_it_is(world, grafana):
    """A 412 has other reasons as well: to plan again would not help there."""
    steps = world.plan()
    words = (
        b'{"message":"A dashboard with the same name in the folder already exists","status":"name-exists"}'
    )
    grafana.says = lambda method, path: (
        (412, "application/json", words, {}) if (method, path) == ("POST", "/api/dashboards/db") else None
    )

    assert str(apply(steps).error) == (
        "POST /api/dashboards/db: Grafana answered 412: "
        "A dashboard with the same name in the folder already exists"
    )


def test_a_version_that_grafana_numbers_otherwise_is_no_drift(world, grafana):
    """A dashboard that does not begin with version 1 is saved once more, so that its mark names the version it has."""
    grafana.first_version = 5
    world.apply()

    assert [number for number, _ in grafana.pages[HOME].versions] == [5, 6]
    assert world.plan() == []


def test_a_data_source_that_was_saved_while_we_apply_is_not_written_over(world, grafana):
    """Somebody who saves a data source between plan and apply wins as well."""
    world.apply()
    world.store_url = "http://store:8086"
    steps = world.plan()
    grafana.sources[RAW] |= {"url": "http://mine:8086", "version": 2}
    outcome = apply(steps)

    assert str(outcome.error).startswith(f"PUT /api/datasources/uid/{RAW}: Grafana answered 409: ")
    assert "updated by someone else" in str(outcome.error)
    assert grafana.sources[RAW]["url"] == "http://mine:8086"


def test_dashboards_that_there_is_no_reason_for_any_more_go_last(world, grafana):
    """A page that is not generated any more, and a receiver that is not named, are removed at the end."""
    world.apply()
    world.generate = lambda districts, options: tuple(page for page in _without_home(districts, options))
    world.districts[0] = world.district(
        provisioning=PROVISIONING.replace(
            "    - {id: operations, email: [a@b.example, c@d.example]}\n", ""
        ).replace("home: true", "home: false")
    )
    steps = world.plan()
    world.apply()

    assert lines(steps)[-2:] == [
        "delete contact point barrio tequila operations",
        "delete dashboard Tequila: home",
    ]
    assert HOME not in grafana.pages
    assert all("homeDashboardUID" not in each for each in grafana.preferences.values())
    assert world.plan() == []


def _without_home(districts, options):
    from tests.provisioning.grafana.conftest import pages

    return [page for page in pages(districts, options) if page.uid != HOME]


@pytest.mark.parametrize("grafana", ["12.1.0"], indirect=True)
def test_a_half_done_apply_is_finished_by_the_next(world, grafana):
    """Whichever write fails, the next apply does the rest and the one after it nothing."""
    number = 0
    while True:
        number += 1
        grafana.forget()
        for store in (grafana.folders, grafana.grants, grafana.teams, grafana.sources, grafana.pages):
            store.clear()
        grafana.rules.clear()
        grafana.points.clear()
        grafana.preferences.clear()
        grafana.fail_at = number
        outcome = apply(world.plan())
        if outcome.error is None:
            break
        assert "database is locked" in str(outcome.error)
        grafana.fail_at = 0
        steps = world.plan()
        world.apply()

        assert not any(step.by_hand for step in steps), number
        assert world.plan() == []
    assert number > 17


def test_teams_that_barrio_made_are_known_by_their_address(world, grafana):
    """A team that barrio makes has an address that nobody gets mail at; one that was there keeps its own."""
    grafana.add_team("Vecinos")
    world.apply()

    assert {team["name"]: team["email"] for team in grafana.teams.values()} == {
        "Ops": "",
        "Vecinos": "",
        "Servicios": address("tequila"),
    }
