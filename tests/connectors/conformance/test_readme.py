"""A connector's README is read as `barrio check` would read it."""

import pytest

from connectors.coap import connector
from connectors.conformance.readme import example_faults, figures, profile_faults

EXAMPLE = """# It

```yaml
profile: lamp
protocol: coap
kind: StreetLight
points:
  level: {quantity: dimming_level, resource: RESOURCE, unit: "%"}
```

```yaml
devices:
  - {id: lamp-1, profile: lamp, site: avenue, endpoint: "ENDPOINT"}
```
"""


def example(resource="/light", endpoint="coap://10.20.0.1"):
    return EXAMPLE.replace("RESOURCE", resource).replace("ENDPOINT", endpoint)


def test_sound_example_has_no_faults():
    """A profile and its device are a district without faults."""

    assert example_faults(example(), connector) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (example(resource="light"), "a resource is a path"),
        (example(endpoint="coap://10.20.0.1/path"), "endpoint"),
        ("# It\n\nNothing is shown.\n", "no YAML shows a profile of protocol coap"),
    ],
)
def test_faults_of_the_example_are_named(text, words):
    """What is wrong with the profile, the endpoint, or that there is none."""

    assert words in " ".join(example_faults(text, connector))


def test_drafted_profile_is_checked():
    """A profile by itself is checked on a device of its own."""
    draft = "profile: x\nprotocol: coap\nkind: X\npoints:\n  a: {quantity: nonsense, resource: /a}\n"

    assert "nonsense" in profile_faults(draft, connector)[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("## Measured\n\nIt takes 12 µs for each.\n", ["12 µs"]),
        ("## What was measured\n\n4,000 readings/s and 900 notifications per second.\n", 2),
        ("## Measured\n\nQuick.\n\n## Limits\n\n10 readings/s\n", []),
        ("Up to 10 readings/s\n", []),
    ],
)
def test_figures_stand_under_their_heading(text, found):
    """A rate or a cost counts where the README says that it was measured."""
    said = figures(text)

    assert len(said) == found if isinstance(found, int) else list(said) == found
