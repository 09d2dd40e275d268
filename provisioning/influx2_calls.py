"""The calls to an InfluxDB 2.x that provisioning makes, through `influxdb-client`, as plain data and one kind of error.

What the library has that is better left alone: its models print tokens in their `repr`, so none leaves this module; its
iterator over buckets follows the id of the last one, which loses some where the server adds its own to each page.

The server tells what right is missing in words. A token that it does not know and a right that a known one lacks are
both a 401 (`unauthorized access`, `write:orgs/…/buckets is unauthorized`); who may not list gets an empty list.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import influxdb_client
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from provisioning.influx import Admin
from provisioning.plan import ProvisioningError, sendable
from provisioning.wanted import shard_s

# Its models have no types.
_models: Any = influxdb_client
_PAGE = 100
_MOST_PAGES = 1000
_BUCKETS = "/api/v2/buckets"
_AUTHORIZATIONS = "/api/v2/authorizations"
# As in: write:orgs/ID/buckets is unauthorized; permission read:orgs/ID/buckets/ID is not allowed.
_RIGHT = re.compile(r"\b((?:read|write):\S+) is (?:unauthorized|not allowed)")

Right = tuple[str, str]
"""`read` or `write`, and the id of a bucket."""


@dataclass(frozen=True, slots=True)
class FoundBucket:
    """A bucket. `retention_s` 0 is for ever; `shard_s` is 0 where the server does not say."""

    id: str
    name: str
    description: str
    retention_s: int
    shard_s: int


@dataclass(frozen=True, slots=True)
class FoundToken:
    """An authorization without its token, which 2.9 does not know any more. `further` are rights on other things."""

    id: str
    description: str
    active: bool
    rights: frozenset[Right]
    further: int = 0


@dataclass(frozen=True, slots=True)
class MadeToken:
    """An authorization that was just made, with its token."""

    id: str
    token: str = field(repr=False)


class Calls:
    """An organisation on a server. Every method raises ProvisioningError."""

    def __init__(self, admin: Admin) -> None:
        token = sendable("BARRIO_ADMIN_TOKEN", admin.token)
        self._client: Any = InfluxDBClient(
            admin.url, token=token, org=admin.org, timeout=int(admin.timeout_s * 1000)
        )
        self._org = admin.org
        self._org_id = ""

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    @property
    def org_id(self) -> str:
        """The organisation's id, asked for once."""
        if not self._org_id:
            with _words("GET /api/v2/orgs", missing="BARRIO_STORE_ORG names the organisation"):
                found = self._client.organizations_api().find_organizations(org=self._org) or []
            # A server that is asked for no name gives all: the first would be taken for ours.
            ours = [one for one in found if self._org in (one.name, one.id)]
            if not ours:
                words = f"the token may not see an organisation {self._org!r}"
                raise ProvisioningError("GET /api/v2/orgs", words, "read:orgs")
            self._org_id = str(ours[0].id)
        return self._org_id

    def buckets(self) -> list[FoundBucket]:
        """Return the buckets of the organisation that the token may see, the server's own left out."""
        org, found = self.org_id, dict[str, FoundBucket]()
        for page in range(_MOST_PAGES):
            with _words(f"GET {_BUCKETS}"):
                answer = self._client.buckets_api().find_buckets(org_id=org, limit=_PAGE, offset=page * _PAGE)
            found |= {one.id: _bucket(one) for one in answer.buckets or () if one.type != "system"}
            if answer.links is None or answer.links.next is None:
                break
        return list(found.values())

    def create_bucket(self, name: str, description: str, retention_s: int) -> str:
        """Make a bucket and return its id; how long its shards are is left to the server."""
        org = self.org_id
        # Before 2.1 for ever is no rule, and 0 is refused.
        rules = [_models.BucketRetentionRules(every_seconds=retention_s)] if retention_s else []
        with _words(f"POST {_BUCKETS} ({name})"):
            made = self._client.buckets_api().create_bucket(
                bucket_name=name, description=description, org=org, retention_rules=rules
            )
        return str(made.id)

    def change_bucket(self, bucket: FoundBucket, description: str, retention_s: int) -> None:
        """Give a bucket a description and a retention; its shards stay as long as they are while that stays."""
        # Said also where it stays: before 2.1 a change without a rule means for ever.
        shard = bucket.shard_s if retention_s == bucket.retention_s else shard_s(retention_s)
        rule = _models.BucketRetentionRules(
            every_seconds=retention_s, shard_group_duration_seconds=shard or None
        )
        update = _models.Bucket(
            id=bucket.id, name=bucket.name, description=description, retention_rules=[rule]
        )
        with _words(f"PATCH {_BUCKETS}/{bucket.id} ({bucket.name})"):
            self._client.buckets_api().update_bucket(update)

    def delete_bucket(self, bucket: FoundBucket) -> None:
        """Remove a bucket with all that is in it; one that is gone already is no error."""
        with _words(f"DELETE {_BUCKETS}/{bucket.id} ({bucket.name})"), _gone_already():
            self._client.buckets_api().delete_bucket(bucket.id)

    def tokens(self) -> list[FoundToken]:
        """Return the authorizations of the organisation that the token may see.

        Asked for all organisations: a token that may list sees at least itself, so an empty list says that it may not.
        """
        org = self.org_id
        with _words(f"GET {_AUTHORIZATIONS}"):
            found = self._client.authorizations_api().find_authorizations() or []
        if not found:
            words = "the list is empty, and the token itself should be in it"
            raise ProvisioningError(f"GET {_AUTHORIZATIONS}", words, f"read:orgs/{org}/authorizations")
        return [_token(one) for one in found if one.org_id == org]

    def create_token(self, description: str, rights: Sequence[Right]) -> MadeToken:
        """Make an authorization; only the answer to this call has its token."""
        org = self.org_id
        permissions = [
            _models.Permission(
                action=action, resource=_models.PermissionResource(type="buckets", id=one, org_id=org)
            )
            for action, one in rights
        ]
        wanted = _models.Authorization(org_id=org, permissions=permissions, description=description)
        call = f"POST {_AUTHORIZATIONS} ({description})"
        with _words(call):
            made = self._client.authorizations_api().create_authorization(authorization=wanted)
        if not made.token:
            raise ProvisioningError(call, "the answer holds no token")
        return MadeToken(str(made.id), made.token)

    def change_token(self, number: str, description: str) -> None:
        """Give an authorization another description, and make it active."""
        update = _models.AuthorizationUpdateRequest(status="active", description=description)
        # The library takes the id from the object that it sends.
        update.id = number
        with _words(f"PATCH {_AUTHORIZATIONS}/{number} ({description})"):
            self._client.authorizations_api().update_authorization(update)

    def delete_token(self, number: str) -> None:
        """Remove an authorization; whoever uses its token is turned away from then on. One that is gone is no error."""
        with _words(f"DELETE {_AUTHORIZATIONS}/{number}"), _gone_already():
            self._client.authorizations_api().delete_authorization(number)


def _bucket(one: Any) -> FoundBucket:
    # There is one rule at most, and none where the server is old and keeps for ever.
    rules = [
        (rule.every_seconds or 0, rule.shard_group_duration_seconds or 0)
        for rule in one.retention_rules or ()
    ]
    retention, shard = rules[0] if rules else (0, 0)
    return FoundBucket(str(one.id), str(one.name), one.description or "", int(retention), int(shard))


def _token(one: Any) -> FoundToken:
    permissions = one.permissions or ()
    rights = {
        (str(each.action), str(each.resource.id))
        for each in permissions
        if each.resource.type == "buckets" and each.resource.id
    }
    return FoundToken(
        id=str(one.id),
        description=one.description or "",
        active=one.status == "active",
        rights=frozenset(rights),
        further=len(permissions) - len(rights),
    )


@contextmanager
def _words(call: str, *, missing: str = "") -> Iterator[None]:
    """Turn what the library raises into one line that names the call; `from None`, as its errors hold headers.

    `missing` is added to a 404: what to do about it.
    """
    try:
        yield
    except ApiException as error:
        found = _why(call, error)
        if error.status == 404 and missing:
            found = ProvisioningError(call, f"{found.words}: {missing}")
        raise found from None
    except HTTPError as error:
        raise ProvisioningError(call, f"cannot be reached: {type(error).__name__}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ProvisioningError(call, f"the answer was not understood: {error}"[:300]) from None


@contextmanager
def _gone_already() -> Iterator[None]:
    """Take a 404 to a removal as done: somebody else was quicker."""
    try:
        yield
    except ApiException as error:
        if error.status != 404:
            raise


def _why(call: str, error: ApiException) -> ProvisioningError:
    said = _said(error)
    right = _RIGHT.search(said)
    if right is not None:
        return ProvisioningError(call, f"answered {error.status}: {said}", right[1])
    if error.status == 401:
        words = f"answered 401: {said}: BARRIO_ADMIN_TOKEN is not a token of this server"
        return ProvisioningError(call, words, "a valid admin token")
    if error.status == 403:
        return ProvisioningError(call, f"answered 403: {said}", "an all-access or operator token")
    return ProvisioningError(call, f"answered {error.status}: {said}")


def _said(error: ApiException) -> str:
    """Return the server's own words: `message` of its JSON, else the beginning of what it sent."""
    text = str(error.body or error.reason or "without words")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict):
        text = str(document.get("message") or document.get("error") or text)
    return " ".join(text.split())[:300]
