"""The panel that lists Grafana's own alerts: the one panel that we use and the SDK has no builder for.

Options are those of `UnifiedAlertListOptions` in Grafana's `public/app/plugins/panel/alertlist/types.ts`.
"""

from __future__ import annotations

from typing import Self

from grafana_foundation_sdk.builders import dashboard

_TIME_DESC = 5


class AlertList(dashboard.Panel):
    """Builder of an alert list."""

    def __init__(self) -> None:
        super().__init__()
        self.type("alertlist")

    def district(self, district: str) -> Self:
        """Show alerts of a district's rules that fire, are about to, or could not be asked; newest first.

        They are told by their label. A folder within a folder is found by its title in no Grafana 11 (issue 93056).
        """
        self.options(
            {
                "viewMode": "list",
                "groupMode": "default",
                "groupBy": [],
                "maxItems": 20,
                "sortOrder": _TIME_DESC,
                "dashboardAlerts": False,
                "alertName": "",
                "alertInstanceLabelFilter": f"district={district}",
                "stateFilter": {
                    "firing": True,
                    "pending": True,
                    "noData": True,
                    "normal": False,
                    "error": True,
                    "recovering": True,
                },
            }
        )
        return self
