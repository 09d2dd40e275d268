"""What a profile and a device say about OPC UA: the descriptions are the reference."""

from __future__ import annotations

from pydantic import Field

from twin.model.spec import Seconds, Spec


class OpcUaPoint(Spec):
    """Where a point lives: keys of a profile's point beside those that every protocol shares."""

    node: str = Field(
        description="Node id, for example `nsu=urn:vendor:bms;s={prefix}.SupplyTemperature`; "
        "`{device}` and `{prefix}` stand for the device's id and the option `prefix`"
    )
    sampling: Seconds | None = Field(
        default=None, description="How often the server samples the node; the device's when left out"
    )
    index: int | None = Field(
        default=None, ge=0, description="Element of the array that the node holds, from 0"
    )


class OpcUaOptions(Spec):
    """`options` of profiles and devices."""

    namespace: str = Field(default="", description="Namespace URI of nodes that name none")
    prefix: str | None = Field(
        default=None, description="Stands for `{prefix}` in nodes; the device's id when left out"
    )
    publishing: Seconds = Field(
        default=1.0, description="Publishing interval: how long the server gathers changes"
    )
    sampling: Seconds | None = Field(
        default=None, description="How often the server samples; the poll period when left out"
    )
    queue_size: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="Samples that the server keeps for a node between two publishings",
    )
    timeout: Seconds = Field(default=4.0, description="Longest wait for the answer to a request")
    keep_alive: Seconds = Field(
        default=4.0,
        description="A server without news says so this often; silence of three times as long ends the session",
    )
    recheck: Seconds = Field(
        default=60.0, description="Nodes that the server refused are asked for again this often"
    )
    chunk: int = Field(
        default=500, ge=1, le=100_000, description="Most nodes in one request, if the server allows as many"
    )
    insecure: str = Field(default="", description="Why this server is read without encryption")
