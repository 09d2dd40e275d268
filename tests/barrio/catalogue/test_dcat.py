"""The inventory as DCAT 3: read by an RDF library without a network, held to shapes, no more than one may know."""

import socket
from pathlib import Path

import numpy as np
import pyshacl
import pytest
import rdflib
from rdflib import DCAT, DCTERMS, FOAF, RDF, URIRef

from tests.barrio.catalogue.stage import PARTNER, SCOPES, asked, demo
from twin.access.scope import EVERYTHING, OPEN, Scope, Tier
from twin.frame import Batch
from twin.quality import Reason

SHAPES = Path(__file__).with_name("shapes.ttl")
NS = 1_000_000_000
FIRST = 1_700_000_000 * NS
# RDFLib 7.6 warns of a class that its own parser of JSON-LD uses.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
EU = "http://publications.europa.eu/resource/authority"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whoever opens a connection fails: the context is inside."""

    def refuse(*_: object, **__: object):
        raise AssertionError("somebody opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


async def catalog(found, scope=EVERYTHING, host="http://test"):
    """The inventory as a graph."""
    async with found.client(scope, host) as http:
        answer = await http.get("/catalog")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/ld+json"
    return rdflib.Graph().parse(data=answer.text, format="json-ld")


def dataset(name, base="http://test"):
    return URIRef(f"{base}/api/v1/datasets/{name}")


def store(platform, path: str, times: list[int]) -> None:
    """Store readings of a point, and take them for the newest."""
    item = platform.catalogue.points[path]
    time = np.array(times, np.int64)
    ids, zero = np.full(len(times), item.id, np.int32), np.zeros(len(times), np.int64)
    good = np.full(len(times), Reason.GOOD, np.uint8)
    batch = Batch(ids, time, time, zero, np.full(len(times), 20.0), good, 1)
    platform.store.write(batch)
    platform.live.restore(batch)


@pytest.mark.parametrize("who", SCOPES)
async def test_the_inventory_is_what_the_recommendation_says(tmp_path, who):
    """Every class and property has the range of DCAT 3, for each reader; the demo district has all of them."""
    async with demo(tmp_path) as found:
        store(found.platform, "ciudad-maderas/met-2/rain", [FIRST, FIRST + 3600 * NS])
        graph = await catalog(found, SCOPES[who])
    sound, _, words = pyshacl.validate(graph, shacl_graph=rdflib.Graph().parse(SHAPES))

    assert sound, words
    used = set(graph.objects(None, RDF.type))
    assert used >= {
        DCAT.Catalog,
        DCAT.Dataset,
        DCAT.Distribution,
        DCAT.DataService,
        DCTERMS.Location,
        DCTERMS.PeriodOfTime,
    }
    assert all(str(one).startswith("http") for one in graph.predicates())


async def test_the_shapes_see_what_is_wrong(tmp_path):
    """A catalog without licences, or with an end before the beginning, does not pass."""
    async with demo(tmp_path) as found:
        store(found.platform, "ciudad-maderas/met-2/rain", [FIRST])
        graph = await catalog(found)
    shapes = rdflib.Graph().parse(SHAPES)
    licences = list(graph.subject_objects(DCTERMS.license))
    graph.remove((None, DCTERMS.license, None))
    without = pyshacl.validate(graph, shacl_graph=shapes)[0]
    for subject, licence in licences:
        graph.add((subject, DCTERMS.license, licence))
    again = pyshacl.validate(graph, shacl_graph=shapes)[0]
    for period in list(graph.subjects(RDF.type, DCTERMS.PeriodOfTime)):
        graph.set(
            (period, DCAT.endDate, rdflib.Literal("2001-01-01T00:00:00Z", datatype=rdflib.XSD.dateTime))
        )

    assert (without, again, pyshacl.validate(graph, shacl_graph=shapes)[0]) == (False, True, False)


@pytest.mark.parametrize(
    ("scope", "known"),
    [
        (OPEN, {"climate", "pumps"}),
        (PARTNER, {"climate", "pumps", "energy"}),
        (EVERYTHING, {"climate", "pumps", "energy"}),
        (Scope(Tier.PARTNER, quantities=frozenset({"pump_state"})), {"pumps"}),
        (Scope(Tier.PARTNER, districts=frozenset({"elsewhere"})), set()),
    ],
)
async def test_it_lists_what_its_reader_may_know_of(tmp_path, scope, known):
    """What is open for everybody, what a token reaches, and partners' datasets that say so."""
    async with asked(tmp_path) as found:
        graph = await catalog(found, scope)

    assert set(graph.subjects(RDF.type, DCAT.Dataset)) == {dataset(f"little/{one}") for one in known}
    assert ("energy" in graph.serialize()) == ("energy" in known)


async def test_of_a_listed_dataset_nobody_learns_more_than_that_it_exists(tmp_path):
    """Title, owner, terms and whom to ask; not where, not since when, not how it is had."""
    async with asked(tmp_path) as found:
        store(found.platform, "little/meter/pump", [FIRST])
        graph = await catalog(found, OPEN)
    one = dataset("little/pumps")

    assert set(graph.predicates(one)) == {
        RDF.type,
        DCTERMS.identifier,
        DCTERMS.title,
        DCTERMS.description,
        DCTERMS.publisher,
        DCAT.contactPoint,
        DCTERMS.license,
        DCTERMS.accessRights,
    }
    assert graph.value(one, DCTERMS.accessRights) == URIRef(f"{EU}/access-right/RESTRICTED")
    assert (None, DCAT.servesDataset, one) not in graph


async def test_coverage_is_what_the_store_has(tmp_path):
    """From the first reading to the last; for who is given quarter hours, to the end of the last finished one."""
    path, last = "little/probe/temperature", FIRST + 90_061 * NS
    async with asked(tmp_path) as found:
        nothing = await catalog(found)
        store(found.platform, path, [FIRST, last])
    async with asked(tmp_path) as found:
        store(found.platform, path, [last])
        operator, public = await catalog(found), await catalog(found, OPEN)
    one = dataset("little/climate")
    period = operator.value(one, DCTERMS.temporal)

    assert nothing.value(one, DCTERMS.temporal) is None
    assert str(operator.value(period, DCAT.startDate)) == "2023-11-14T22:13:20+00:00"
    assert str(operator.value(period, DCAT.endDate)) == "2023-11-15T23:14:21+00:00"
    assert str(public.value(one, DCAT.temporalResolution)) == "PT15M"
    assert str(public.value(public.value(public.value(one, DCTERMS.spatial), DCAT.centroid))) != ""
    assert "10.0.0.1" not in public.serialize()


async def test_every_address_of_a_distribution_answers(tmp_path):
    """What the inventory names is there: each format of each dataset, for the reader who was told of it."""
    async with asked(tmp_path) as found, found.client(OPEN) as http:
        graph = await catalog(found, OPEN)
        urls = {str(one) for one in graph.objects(None, DCAT.downloadURL)}
        answers = {url: await http.get(url) for url in urls}
        media = {
            str(graph.value(one, DCAT.downloadURL)): str(graph.value(one, DCAT.mediaType))
            for one in graph.subjects(RDF.type, DCAT.Distribution)
        }
        datasets = [await http.get(str(one)) for one in graph.subjects(RDF.type, DCAT.Dataset)]

    assert len(urls) == 6
    assert {url: one.status_code for url, one in answers.items()} == dict.fromkeys(urls, 200)
    for url, one in answers.items():
        assert media[url].endswith(one.headers["content-type"].partition(";")[0])
    assert [one.status_code for one in datasets] == [200] * 2


@pytest.mark.parametrize(
    ("host", "base"),
    [("http://city.example:8080", "http://city.example:8080"), ("https://[::1]:8080", "https://[::1]:8080")],
)
async def test_addresses_are_those_that_were_asked(tmp_path, host, base):
    """Name, port and scheme as the request had them."""
    async with asked(tmp_path) as found:
        graph = await catalog(found, OPEN, host)

    assert dataset("little/climate", base) in set(graph.subjects(RDF.type, DCAT.Dataset))


@pytest.mark.parametrize(
    "host", ["evil.example/x", 'a"b', "a b", "a@b", "x" * 300, "a:b:c", "-x", "a:123456"]
)
async def test_a_host_that_is_none_is_refused(tmp_path, host):
    """What could not be the name of a server stands in no answer."""
    async with asked(tmp_path) as found, found.client(OPEN) as http:
        answer = await http.get("/catalog", headers={"Host": host, "X-Forwarded-Host": "evil.example"})

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "Host"


async def test_the_forwarded_host_is_not_believed(tmp_path):
    """A header that anybody can send changes no address."""
    async with asked(tmp_path) as found, found.client(OPEN) as http:
        answer = await http.get(
            "/catalog", headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
        )

    assert "evil.example" not in answer.text


async def test_text_of_files_stays_text(tmp_path):
    """A name with angle brackets is a literal."""
    async with asked(tmp_path) as found:
        graph = await catalog(found, OPEN)
    owner = graph.value(dataset("little/climate"), DCTERMS.publisher)

    assert str(graph.value(owner, FOAF.name)) == "City <of> Little"
