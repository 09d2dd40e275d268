"""Several districts in one Grafana, and taking them away again."""

import pytest

from dashboards.kit.names import CITY, ROOT_FOLDER, folder_uid, page_uid
from provisioning.plan import Action, apply
from tests.provisioning.grafana.conftest import PROVISIONING


@pytest.fixture
def two(world):
    world.districts.append(world.district("salinas", PROVISIONING.replace("Servicios", "Servicios Salinas")))
    return world


def lines(steps):
    return [f"{step.action} {step.kind} {step.name}" for step in steps]


def destroy(world, *districts):
    outcome = apply(world.target(*districts).destroy(keep_data=True))
    assert outcome.error is None, outcome.error
    return outcome


def test_two_districts_stand_beside_each_other(two, grafana):
    """Each district has what is its own; the overview shows both; a second apply has nothing but the shared home."""
    two.apply()
    steps = two.plan()

    assert lines(steps) == ["keep home Vecinos"]
    assert {"district:tequila", "district:salinas"} <= set(grafana.pages[CITY].json["tags"])
    assert grafana.folders[folder_uid("salinas")]["parentUid"] == ROOT_FOLDER


def test_one_of_two_is_applied_without_touching_the_other(two, grafana):
    """An apply of one district leaves the other and the overview of both alone, and says so."""
    two.apply()
    first, _ = two.districts
    grafana.edit_page(page_uid("salinas", "home"), lambda page: page.update(title="Mine"))
    two.options = type(two.options)(lang="es")
    steps = two.plan(first)

    kept = next(step for step in steps if step.name == "Barrio")
    assert kept.action is Action.KEEP
    assert kept.words == "it shows salinas as well: name all districts to change it"
    assert not any("alinas" in step.name for step in steps)


def test_a_destroy_takes_everything_that_is_ours(world, grafana):
    """A destroyed district leaves nothing; what is not barrio's stays."""
    before = grafana.foreign()
    world.apply()
    steps = world.target().destroy(keep_data=True)
    outcome = apply(steps)

    assert outcome.error is None
    assert {step.action for step in steps} <= {Action.DELETE, Action.CHANGE}
    assert lines(steps)[-2:] == ["delete folder Tequila", "delete folder Barrio"]
    assert grafana.foreign() == before
    assert [uid for uid in (*grafana.folders, *grafana.pages, *grafana.sources) if "barrio" in uid] == []
    assert not grafana.rules
    assert set(grafana.points) == {"mail"}
    assert [team["name"] for team in grafana.teams.values()] == ["Ops"]
    assert world.target().destroy(keep_data=True) == []


def test_a_destroy_spares_what_others_put_into_the_folder(world, grafana):
    """A folder with somebody's dashboard or rule in it stays, with a word, and so does the one above it."""
    world.apply()
    grafana.add_page("theirs", "Theirs", folder_uid("tequila"))
    steps = world.target().destroy(keep_data=True)
    destroy(world)
    kept = {step.name: step.words for step in steps if step.action is Action.KEEP}

    assert kept == {
        "Tequila": "it holds dashboard Theirs",
        "Barrio": "it holds folder Tequila",
    }
    assert "theirs" in grafana.pages
    assert folder_uid("tequila") in grafana.folders


def test_a_library_panel_keeps_its_folder(world, grafana):
    """A library panel is nowhere listed by folder, and would go with it: the folder stays."""
    world.apply()
    grafana.library_panels[folder_uid("tequila")] = 2
    steps = world.target().destroy(keep_data=True)

    kept = {step.name: step.words for step in steps if step.kind == "folder"}
    assert kept["Tequila"] == "it holds library panels"


def test_what_comes_into_a_folder_at_the_last_moment_is_not_lost(world, grafana, monkeypatch):
    """A dashboard that somebody puts into the folder after the plan stops its removal."""
    monkeypatch.setattr("provisioning.grafana.folders._SETTLES_S", 0.3)
    world.apply()
    steps = world.target().destroy(keep_data=True)
    grafana.add_page("theirs", "Theirs", folder_uid("tequila"))
    outcome = apply(steps)

    assert str(outcome.failed).endswith("Tequila")
    assert "not done: it holds dashboard Theirs" in str(outcome.error)
    assert "theirs" in grafana.pages


def test_a_team_with_people_in_it_stays(world, grafana):
    """A team that barrio made and people joined stays; it only begins with no home of ours any more."""
    world.apply()
    number = next(number for number, team in grafana.teams.items() if team["name"] == "Servicios")
    grafana.teams[number]["members"] = 3
    steps = world.target().destroy(keep_data=True)
    destroy(world)

    assert "keep team Servicios" in lines(steps)
    assert number in grafana.teams
    assert grafana.preferences[number] == {}


def test_destroying_one_of_two_leaves_the_other_and_the_overview(two, grafana):
    """The overview is left until the rest is applied again, and then shows what is left."""
    two.apply()
    first, second = two.districts
    steps = two.target(first).destroy(keep_data=True)
    outcome = apply(steps)
    two.apply(second)

    assert outcome.error is None
    kept = {step.name: step.words for step in steps if step.action is Action.KEEP}
    assert kept == {
        "Barrio": "it holds dashboard Barrio, folder Salinas",
    }
    assert folder_uid("salinas") in grafana.folders
    assert folder_uid("tequila") not in grafana.folders
    assert "district:tequila" not in grafana.pages[CITY].json["tags"]
    assert two.plan(second) == []


@pytest.mark.parametrize("grafana", ["12.1.0"], indirect=True)
def test_a_destroy_that_broke_off_is_finished_by_the_next(world, grafana):
    """Whichever deletion fails, another destroy does the rest."""
    number = 0
    while True:
        number += 1
        grafana.fail_at = 0
        world.apply()
        grafana.forget()
        grafana.fail_at = number
        outcome = apply(world.target().destroy(keep_data=True))
        grafana.fail_at = 0
        if outcome.error is None:
            break
        destroy(world)

        assert world.target().destroy(keep_data=True) == []
    assert number > 15


def test_what_is_not_ours_is_not_destroyed(world, grafana):
    """A dashboard and a data source with uids of ours without the mark survive a destroy."""
    world.apply()
    home = page_uid("tequila", "home")
    grafana.pages[home].json["tags"] = []
    destroy_steps = world.target().destroy(keep_data=True)
    apply(destroy_steps)

    assert home in grafana.pages
    assert any(step.action is Action.KEEP and step.kind == "dashboard" for step in destroy_steps)


def test_what_somebody_else_removed_meanwhile_is_no_error(world, grafana):
    """Two that destroy at once: the second finds things gone, and goes on."""
    world.apply()
    kinds = ("dashboard", "data source", "alert rule", "contact point")
    steps = [step for step in world.target().destroy(keep_data=True) if step.kind in kinds]
    assert apply(world.target().destroy(keep_data=True)).error is None

    assert apply(steps).error is None
    assert len(steps) > 8
