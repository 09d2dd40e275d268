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

    def folder(self, uid: str, title: str) -> Self:
        """Show alerts of the rules in a folder that fire, are about to, or could not be asked; newest first."""
        self.options(
            {
                "viewMode": "list",
                "groupMode": "default",
                "groupBy": [],
                "maxItems": 20,
                "sortOrder": _TIME_DESC,
                "dashboardAlerts": False,
                "alertName": "",
                "alertInstanceLabelFilter": "",
                "folder": {"uid": uid, "title": title},
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
