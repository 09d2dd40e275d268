"""The ground of maps, and their layers of markers.

A closed network has no tiles, and a map that waits for them is a grey field with errors: unless `provisioning.yaml`
names some, the ground is one transparent pixel that stands in the dashboard itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grafana_foundation_sdk.builders import common as bc
from grafana_foundation_sdk.models import common as m

from dashboards.kit.colours import BLUE

if TYPE_CHECKING:
    from dashboards.kit.panels import Layer
    from dashboards.kit.texts import Lang
    from twin.model.district import District

NO_TILES = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

# Grafana has no diamond (`public/app/plugins/panel/geomap/style/markers.ts`), and draws what it has not as a red error.
_DRAWN_AS = {"diamond": "square"}
_TURNED = {"diamond": 45}


def basemap(district: District | None) -> bc.MapLayerOptions:
    """Return the ground of a district's maps: none, OpenStreetMap, or the operator's own tiles."""
    grafana = getattr(getattr(district, "provisioning", None), "grafana", None)
    wanted = getattr(grafana, "basemap", None) or "none"
    built = bc.MapLayerOptions().name("Basemap")
    if wanted == "osm":
        return built.type("osm-standard").config({})
    return built.type("xyz").config({"url": NO_TILES if wanted == "none" else str(wanted), "attribution": ""})


def layer(one: Layer, ref: str, lang: Lang) -> bc.MapLayerOptions:
    """Return a layer of markers at the columns lat and lon of the rows of a query; of all rows when it is empty."""
    where = bc.FrameGeometrySource().mode(m.FrameGeometrySourceMode.COORDS).latitude("lat").longitude("lon")
    colour: dict[str, Any] = {"fixed": one.fixed or BLUE}
    if one.colour is not None:
        colour["field"] = one.colour
    style = {
        "color": colour,
        "opacity": 0.85,
        "rotation": {"fixed": _TURNED.get(one.symbol, 0), "max": 360, "min": -360, "mode": "mod"},
        "size": {"fixed": one.size, "max": 15, "min": 2},
        "symbol": {"fixed": f"img/icons/marker/{_DRAWN_AS.get(one.symbol, one.symbol)}.svg", "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "textConfig": {
            "fontSize": 12,
            "offsetX": 0,
            "offsetY": 0,
            "textAlign": "center",
            "textBaseline": "middle",
        },
    }
    built = bc.MapLayerOptions().type("markers").name(one.title.of(lang)).location(where)
    built = built.config({"showLegend": one.colour is not None, "style": style})
    if ref:
        built = built.filter_data({"id": "byRefId", "options": ref})
    return built.tooltip(tooltip=True)
