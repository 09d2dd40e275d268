"""Sparkplug B payloads and topics (Eclipse Sparkplug 3.0.0, chapters 4 and 6). Pure.

The message types below are the part of the schema in chapter 6 (`sparkplug_b.proto`, package
`org.eclipse.tahu.protobuf`) that readings need; protobuf reads past fields that a schema does not name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from connectors.mqtt.config import SPARKPLUG, Place
from connectors.payloads.decoding import NoValue, shown
from twin.quality import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

REBIRTH = "Node Control/Rebirth"
BD_SEQ = "bdSeq"
SEQUENCE = 256
_STALE, _BAD, _GOOD = 500, 0, 192
# A metric has two bytes at least and takes some 15 µs: half a million of them would stop everybody else for seconds.
_MOST_METRICS = 10_000
_MOST_PROPERTIES = 100
_PACKAGE = "barrio.sparkplug"
_FIELD = descriptor_pb2.FieldDescriptorProto

# Schema in chapter 6: name of a field, `*` where it is repeated, its number, its type (a text names another message).
_SCHEMA: Mapping[str, Sequence[tuple[str, int, int | str]]] = {
    "PropertyValue": (
        ("type", 1, _FIELD.TYPE_UINT32),
        ("is_null", 2, _FIELD.TYPE_BOOL),
        ("int_value", 3, _FIELD.TYPE_UINT32),
        ("string_value", 8, _FIELD.TYPE_STRING),
    ),
    "PropertySet": (("*keys", 1, _FIELD.TYPE_STRING), ("*values", 2, "PropertyValue")),
    "Metric": (
        ("name", 1, _FIELD.TYPE_STRING),
        ("alias", 2, _FIELD.TYPE_UINT64),
        ("timestamp", 3, _FIELD.TYPE_UINT64),
        ("datatype", 4, _FIELD.TYPE_UINT32),
        ("is_historical", 5, _FIELD.TYPE_BOOL),
        ("is_null", 7, _FIELD.TYPE_BOOL),
        ("properties", 9, "PropertySet"),
        ("int_value", 10, _FIELD.TYPE_UINT32),
        ("long_value", 11, _FIELD.TYPE_UINT64),
        ("float_value", 12, _FIELD.TYPE_FLOAT),
        ("double_value", 13, _FIELD.TYPE_DOUBLE),
        ("boolean_value", 14, _FIELD.TYPE_BOOL),
        ("string_value", 15, _FIELD.TYPE_STRING),
        ("bytes_value", 16, _FIELD.TYPE_BYTES),
    ),
    "Payload": (
        ("timestamp", 1, _FIELD.TYPE_UINT64),
        ("*metrics", 2, "Metric"),
        ("seq", 3, _FIELD.TYPE_UINT64),
    ),
}
_VALUES = ("int_value", "long_value", "float_value", "double_value", "boolean_value", "string_value")


class DataType(IntEnum):
    """Types of values (Data Types in chapter 6), as far as a point can have them."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15


_SIGNED_BITS: Mapping[int, int] = {
    DataType.INT8: 8,
    DataType.INT16: 16,
    DataType.INT32: 32,
    DataType.INT64: 64,
}
_UNSIGNED_BITS: Mapping[int, int] = {
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
}
_FIELD_OF: Mapping[int, str] = {
    **dict.fromkeys((*_SIGNED_BITS, *_UNSIGNED_BITS), "int_value"),
    DataType.INT64: "long_value",
    DataType.UINT64: "long_value",
    DataType.DATETIME: "long_value",
    DataType.FLOAT: "float_value",
    DataType.DOUBLE: "double_value",
    DataType.BOOLEAN: "boolean_value",
    DataType.STRING: "string_value",
    DataType.TEXT: "string_value",
    DataType.UUID: "string_value",
}


class Kind(StrEnum):
    """Types of messages that an edge node sends (chapter 4)."""

    NODE_BIRTH = "NBIRTH"
    NODE_DATA = "NDATA"
    NODE_DEATH = "NDEATH"
    DEVICE_BIRTH = "DBIRTH"
    DEVICE_DATA = "DDATA"
    DEVICE_DEATH = "DDEATH"


def _payload_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(
        name="barrio/sparkplug.proto", package=_PACKAGE, syntax="proto2"
    )
    for name, fields in _SCHEMA.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            added = message.field.add(name=field.lstrip("*"), number=number)
            added.label = _FIELD.LABEL_REPEATED if field.startswith("*") else _FIELD.LABEL_OPTIONAL
            if isinstance(kind, str):
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kind  # type: ignore[assignment]
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))


_PAYLOAD: Any = _payload_class()


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it came. `name` is empty where only an alias stands; times are ns UTC, 0 where there is none."""

    name: str
    alias: int | None
    time: int
    datatype: int
    value: float | str | bool | None
    kind: str
    is_null: bool
    is_historical: bool
    quality: int | None


@dataclass(frozen=True, slots=True)
class Payload:
    """One message of an edge node; `seq` is None where it has none."""

    time: int
    seq: int | None
    metrics: Sequence[Metric]

    def metric(self, name: str) -> Metric | None:
        """Return the metric of that name."""
        return next((metric for metric in self.metrics if metric.name == name), None)


def parse_topic(topic: str) -> tuple[Kind, Place] | None:
    """Return what an edge node's topic says, None for every other topic."""
    levels = topic.split("/")
    if levels[0] != SPARKPLUG or len(levels) not in {4, 5} or not all(levels):
        return None
    try:
        kind = Kind(levels[2])
    except ValueError:
        return None
    if kind.value.startswith("D") is not (len(levels) == 5):
        return None
    return kind, Place(levels[1], levels[3], levels[4] if len(levels) == 5 else None)


def decode(payload: bytes) -> Payload:
    """Return a message; NoValue when it is no Sparkplug B payload."""
    found = _PAYLOAD()
    try:
        found.ParseFromString(payload)
    except DecodeError:
        raise NoValue(Reason.UNDECODABLE, f"no Sparkplug B payload: {shown(payload)}") from None
    if len(found.metrics) > _MOST_METRICS:
        raise NoValue(
            Reason.UNDECODABLE, f"{len(found.metrics)} metrics, more than the {_MOST_METRICS} that are read"
        )
    return Payload(
        time=_nanoseconds(found.timestamp),
        seq=found.seq if found.HasField("seq") else None,
        metrics=[_metric(one) for one in found.metrics],
    )


def _metric(one: Any) -> Metric:
    held = next((field for field in _VALUES if one.HasField(field)), "")
    return Metric(
        name=_text(one.name),
        alias=one.alias if one.HasField("alias") else None,
        time=_nanoseconds(one.timestamp),
        datatype=one.datatype,
        value=_text(getattr(one, held)) if held else None,
        kind=held,
        is_null=one.is_null,
        is_historical=one.is_historical,
        quality=_quality(one.properties) if one.HasField("properties") else None,
    )


def _text(held: Any) -> Any:
    """Return what protobuf gives for a text, which is bytes where it is not UTF-8 (proto2), as a text."""
    return held.decode("utf-8", "replace") if isinstance(held, bytes) else held


def _quality(properties: Any) -> int | None:
    """Return the property `Quality` (Quality Codes in chapter 6): 0 bad, 192 good, 500 stale."""
    keys, values = properties.keys[:_MOST_PROPERTIES], properties.values[:_MOST_PROPERTIES]
    for key, value in zip(keys, values, strict=False):
        if key == "Quality" and value.HasField("int_value"):
            return int(value.int_value)
    return None


def _nanoseconds(milliseconds: int) -> int:
    """Return a time of the payload in ns; what does not fit into 64 bits is none."""
    return milliseconds * 10**6 if milliseconds < 9 * 10**12 else 0


def raw_of(metric: Metric, datatype: int) -> float | str | bool:
    """Return a metric's raw value; NoValue where it has none, or calls it bad or stale.

    `datatype` is the birth's, since later messages leave it out. Signed integers stand in unsigned fields (Datatype
    Details in chapter 6), as two's complement in as many bits as the type has, or as the field has.
    """
    if metric.is_null:
        raise NoValue(Reason.NOT_AVAILABLE, "the metric is null")
    if metric.quality in {_BAD, _STALE}:
        words = "bad" if metric.quality == _BAD else "stale"
        raise NoValue(Reason.BAD_STATUS, f"the edge node calls this value {words}")
    if metric.value is None:
        raise NoValue(Reason.WRONG_TYPE, f"the metric holds no number, text or truth value (type {datatype})")
    bits = _SIGNED_BITS.get(datatype) if metric.kind in {"int_value", "long_value"} else None
    if bits and isinstance(metric.value, int):
        low = metric.value & (1 << bits) - 1
        return low - (1 << bits) if low >> bits - 1 else low
    return metric.value


def encode(
    metrics: Sequence[tuple[str, DataType, float | str | bool | None]],
    *,
    time_ns: int,
    seq: int | None = None,
    aliases: Mapping[str, int] | None = None,
    named: bool = True,
) -> bytes:
    """Return a payload of metrics `(name, type, value)`, for commands and for edge nodes in tests.

    A value of None is null. ValueError when a value does not fit its type. Unless `named`, an alias stands for a name.
    """
    made = _PAYLOAD(timestamp=time_ns // 10**6)
    if seq is not None:
        made.seq = seq
    for name, datatype, value in metrics:
        alias = (aliases or {}).get(name)
        metric = made.metrics.add(timestamp=time_ns // 10**6, datatype=datatype)
        if alias is not None:
            metric.alias = alias
        if named or alias is None:
            metric.name = name
        if value is None:
            metric.is_null = True
        else:
            setattr(metric, _FIELD_OF[datatype], wire_value(datatype, value))
    return bytes(made.SerializeToString())


def wire_value(datatype: DataType, value: float | str) -> float | str | bool:
    """Return a value as its field holds it; ValueError when it does not fit the type."""
    if datatype is DataType.BOOLEAN:
        return bool(value)
    if _FIELD_OF[datatype] == "string_value":
        return str(value)
    if isinstance(value, str):
        raise ValueError(f"{shown(value)} is no {datatype.name.lower()}")  # noqa: TRY004 - of the wrong kind for its metric
    if datatype in {DataType.FLOAT, DataType.DOUBLE}:
        return float(value)
    return _whole(datatype, value)


def _whole(datatype: DataType, value: float) -> int:
    if value != int(value):
        raise ValueError(f"{value:g} is no whole number, the metric is {datatype.name.lower()}")
    bits = _SIGNED_BITS.get(datatype)
    wide = bits or _UNSIGNED_BITS.get(datatype, 64)
    low, high = (-(1 << wide - 1), 1 << wide - 1) if bits else (0, 1 << wide)
    if not low <= value < high:
        raise ValueError(f"{value:g} does not fit into {datatype.name.lower()}")
    return int(value) & (1 << (64 if wide == 64 else 32)) - 1
