"""A stand-in for Grafana: exactly the calls that provisioning uses, over HTTP on loopback, with state and rights.

It is no Grafana. It was written from what Grafana publishes, so that the code can be tried where no Grafana runs; each
part names its page (`docs/sources/developers/http_api/` of grafana/grafana, in short `http_api/`) or, where pages say
nothing, the handler. What 11, 12 and 13 do differently is told by `version`:

- 11 gives a dashboard back as it was sent, with number, uid and version.
- 12 takes number, uid and version off (`pkg/registry/apis/dashboard/mutate.go`), counts versions by itself, raises the
  schema, and answers 406 for a dashboard that was saved as schema v2 (`pkg/api/dashboard.go`).
- 13 does so as well, and converts one when it is asked for with `apiVersion` (pull request 120842).
"""

from tests.provisioning.grafana_stand_in.server import ADMIN, EDITOR, PASSWORD, USER, VIEWER, GrafanaStandIn

__all__ = ["ADMIN", "EDITOR", "PASSWORD", "USER", "VIEWER", "GrafanaStandIn"]
