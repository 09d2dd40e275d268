"""A plant whose server does more than hold values: it keeps history, has methods and structures, and raises alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from asyncua.server.history import HistoryDict

from tests.connectors.opcua.servers import Bms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Archive(HistoryDict):
    """History in memory that outlives its server and hands out `page` values at a time; `asked` are the reads."""

    def __init__(self, page: int = 10_000) -> None:
        super().__init__(page)
        self.asked: list[tuple[datetime | None, datetime | None, int]] = []

    async def new_historized_node(self, node_id, period, count=0):
        """Go on with what was kept, under whatever namespace index the node has now."""
        kept = [values for node, values in self._datachanges.items() if node.Identifier == node_id.Identifier]
        self._datachanges[node_id] = kept[0] if kept else []
        self._datachanges_period[node_id] = period, count

    async def read_node_history(self, node_id, start, end, nb_values):
        """Note the read, then answer it."""
        self.asked.append((start, end, nb_values))
        return await super().read_node_history(node_id, start, end, nb_values)


class Historian(Bms):
    """A server that historizes all its variables."""

    def __init__(
        self,
        variables: Mapping[str, ua.Variant],
        archive: Archive | None = None,
        ahead: int = 0,
        port: int | None = None,
    ) -> None:
        super().__init__(variables, ahead, port)
        self.archive = archive or Archive()

    async def _start(self) -> None:
        await super()._start()
        manager = self.server.iserver.history_manager
        manager.set_storage(self.archive)
        for name in self._variables:
            node = self.server.get_node(ua.NodeId(name, self.index))
            await self.server.historize_node_data_change(node, period=None)


class Plant(Bms):
    """A server with a boiler: a structure, an enumeration, methods, and an alarm."""

    temperature = 71.5
    calls: list[tuple[Any, ...]]
    alarm: Any
    acknowledged: list[tuple[bytes, str]]

    async def _start(self) -> None:
        self.calls, self.acknowledged = [], []
        await super()._start()
        boiler = await self.server.nodes.objects.add_object(
            ua.NodeId("Boiler", self.index),
            ua.QualifiedName("Boiler", self.index),
        )
        self.boiler = boiler
        await boiler.add_variable(
            ua.NodeId("Hidden.Temperature", self.index),
            ua.QualifiedName("Temperature", self.index),
            self.temperature,
        )
        await self._add_structures()
        await self._add_methods()
        await self._add_alarm()

    async def _add_structures(self) -> None:
        mode = await new_enum(self.server, self.index, "BurnerMode", ["Off", "Low", "High"])
        flow, _ = await new_struct(
            self.server,
            self.index,
            "BoilerFlow",
            [
                new_struct_field("Rate", ua.VariantType.Double),
                new_struct_field("Steps", ua.VariantType.Int32, array=True),
            ],
        )
        await new_struct(
            self.server,
            self.index,
            "BoilerStatus",
            [
                new_struct_field("Name", ua.VariantType.String),
                new_struct_field("Flow", flow),
                new_struct_field("Count", ua.VariantType.UInt64),
                new_struct_field("Mode", mode),
            ],
        )
        await self.server.load_data_type_definitions()
        kinds: Any = ua  # where the library puts the classes that it makes
        status = kinds.BoilerStatus(Name="north", Flow=kinds.BoilerFlow(Rate=2.5, Steps=[1, 2]), Count=7)
        status.Mode = kinds.BurnerMode.High
        await self.boiler.add_variable(
            ua.NodeId("Status", self.index),
            ua.QualifiedName("Status", self.index),
            status,
            datatype=kinds.BoilerStatus.data_type,
        )

    async def _add_methods(self) -> None:
        async def note(_parent: ua.NodeId, *arguments: ua.Variant) -> ua.StatusCode:
            self.calls.append(tuple(one.Value for one in arguments))
            return ua.StatusCode()

        async def refuse(_parent: ua.NodeId) -> ua.StatusCode:
            return ua.StatusCode(ua.StatusCodes.BadInvalidState)

        for name, work, inputs in (
            ("Start", note, []),
            ("Move", note, [ua.VariantType.Int16, ua.VariantType.String]),
            ("Never", refuse, []),
        ):
            await self.boiler.add_method(
                ua.NodeId(name, self.index),
                ua.QualifiedName(name, self.index),
                work,
                inputs,
                [],
            )

    async def _add_alarm(self) -> None:
        kind = self.server.get_node(ua.NodeId(ua.ObjectIds.AlarmConditionType))
        condition = ua.NodeId("HighTemperature", self.index)
        await self.boiler.add_object(
            condition,
            ua.QualifiedName("HighTemperature", self.index),
        )
        self.server.iserver.bind_condition_methods = 1
        await self.server.iserver.setup_condition_methods()
        self.alarm = await self.server.get_event_generator(kind, self.server.nodes.server)
        self.alarm.event.ConditionName = "HighTemperature"
        self.alarm.event.NodeId = condition
        self.alarm.event.SourceName = "Boiler"

        async def acknowledge(_parent: ua.NodeId, event_id: ua.Variant, comment: ua.Variant) -> ua.StatusCode:
            if event_id.Value != self.alarm.event.EventId.Value:
                return ua.StatusCode(ua.StatusCodes.BadEventIdUnknown)
            self.acknowledged.append((event_id.Value, comment.Value.Text))
            return ua.StatusCode()

        method = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
        self.server.iserver.isession.add_method_callback(method, acknowledge)

    def raise_alarm(
        self, words: str, severity: int = 700, *, active: bool = True, acked: bool = False
    ) -> None:
        """Tell of the condition's state: retained while it is active or not acknowledged."""
        event = self.alarm.event
        event.Severity = severity
        event.Retain = active or not acked
        setattr(event, "ActiveState/Id", active)
        setattr(event, "AckedState/Id", acked)
        self.do(self.alarm.trigger(message=words))
