"""Licences of data: the ids of the SPDX list that are meant for data, and the document that each stands for.

The ids are those of the SPDX License List 3.25; the addresses are the licensors' own.
"""

from __future__ import annotations

import re

from twin.model.source import suggest

_CC = "https://creativecommons.org/licenses/"
LICENCES = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": f"{_CC}by/4.0/",
    "CC-BY-SA-4.0": f"{_CC}by-sa/4.0/",
    "CC-BY-ND-4.0": f"{_CC}by-nd/4.0/",
    "CC-BY-NC-4.0": f"{_CC}by-nc/4.0/",
    "CC-BY-NC-SA-4.0": f"{_CC}by-nc-sa/4.0/",
    "CC-BY-NC-ND-4.0": f"{_CC}by-nc-nd/4.0/",
    "CC-BY-3.0": f"{_CC}by/3.0/",
    "CC-BY-SA-3.0": f"{_CC}by-sa/3.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "ODC-By-1.0": "https://opendatacommons.org/licenses/by/1-0/",
    "PDDL-1.0": "https://opendatacommons.org/licenses/pddl/1-0/",
    "CDLA-Permissive-1.0": "https://cdla.dev/permissive-1-0/",
    "CDLA-Permissive-2.0": "https://cdla.dev/permissive-2-0/",
    "CDLA-Sharing-1.0": "https://cdla.dev/sharing-1-0/",
    "DL-DE-BY-2.0": "https://www.govdata.de/dl-de/by-2-0",
    "DL-DE-ZERO-2.0": "https://www.govdata.de/dl-de/zero-2-0",
    "etalab-2.0": "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
    "NLOD-2.0": "https://data.norge.no/nlod/en/2.0",
    "OGL-Canada-2.0": "https://open.canada.ca/en/open-government-licence-canada",
    "OGL-UK-3.0": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]*)?")


def is_address(text: str) -> bool:
    """Whether a text is a URL on the web that can stand in any document as it is."""
    return _URL.fullmatch(text) is not None


def check_licence(text: str) -> str:
    """Return a licence as it is written; ValueError, with the nearest id, for what is neither an id nor a URL."""
    if text in LICENCES or is_address(text):
        return text
    folded = {one.casefold(): one for one in LICENCES}
    near = f" (did you mean {folded[text.casefold()]}?)" if text.casefold() in folded else ""
    meant = "a licence is the SPDX id of one for data, such as CC-BY-4.0 or ODbL-1.0, or a URL"
    raise ValueError(f"{meant}{near or suggest(text, LICENCES)}")


def licence_url(text: str) -> str:
    """Return the address of a licence's document."""
    return LICENCES.get(text, text)
