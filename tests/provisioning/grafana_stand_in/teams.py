"""Teams: http_api/team.md, `pkg/services/team/teamapi/team.go`."""

from __future__ import annotations

from typing import Any

from tests.provisioning.grafana_stand_in.state import Answer, State


class Teams(State):
    """Calls about teams and what they begin with."""

    def add_team(self, name: str, members: int = 1) -> int:
        """Make a team of people."""
        self.number += 1
        self.teams[self.number] = {"name": name, "email": "", "members": members}
        return self.number

    def _team(self, number: str) -> dict[str, Any]:
        if int(number) not in self.teams:
            raise Answer(404, "Team not found")
        return self.teams[int(number)]

    def search_teams(self, params: dict[str, str], **_: Any) -> tuple[int, Any]:
        found = [
            {
                "id": number if self.numbers_teams else 0,
                "uid": f"team{number}",
                "orgId": 1,
                "name": team["name"],
                "email": team["email"],
                "memberCount": team["members"],
            }
            for number, team in self.teams.items()
            if team["name"].casefold() == params["name"].casefold()
        ]
        return 200, {"totalCount": len(found), "teams": found, "page": 1, "perPage": 1000}

    def get_team(self, team: str, **_: Any) -> tuple[int, Any]:
        # `MiddlewareTeamUIDResolver` in `pkg/services/team`: a uid serves as well.
        number = team.removeprefix("team")
        return 200, {"id": int(number), "name": self._team(number)["name"]}

    def create_team(self, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        if any(team["name"].casefold() == body["name"].casefold() for team in self.teams.values()):
            raise Answer(409, "Team name taken")
        number = self.add_team(body["name"], members=0)
        self.teams[number]["email"] = body.get("email", "")
        return 200, {"message": "Team created", "teamId": number, "uid": f"team{number}"}

    def delete_team(self, team: str, **_: Any) -> tuple[int, Any]:
        self._team(team)
        del self.teams[int(team)]
        self.preferences.pop(int(team), None)
        for items in self.grants.values():
            items[:] = [item for item in items if item.get("teamId") != int(team)]
        return 200, {"message": "Team deleted"}

    def get_members(self, team: str, **_: Any) -> tuple[int, Any]:
        return 200, [{"userId": number} for number in range(self._team(team)["members"])]

    def get_preferences(self, team: str, **_: Any) -> tuple[int, Any]:
        self._team(team)
        return 200, dict(self.preferences.get(int(team), {}))

    def put_preferences(self, team: str, body: dict[str, Any], **_: Any) -> tuple[int, Any]:
        self._team(team)
        home = body.get("homeDashboardUID")
        if home and home not in self.pages:
            raise Answer(404, "Dashboard not found")
        # "Omitting a key will cause the current value to be replaced with the system default value."
        self.preferences[int(team)] = {key: value for key, value in body.items() if value}
        return 200, {"message": "Preferences updated"}
