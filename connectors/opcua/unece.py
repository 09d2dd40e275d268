"""Units of OPC UA as UCUM codes.

A server names a unit by the common code of UNECE Recommendation 20, its letters as the bytes of a number (OPC 10000-8,
5.6.4.4). What is not in the table is not translated: a unit is never guessed from its symbol.
"""

from __future__ import annotations

NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"

_LONGEST_CODE = 4

# Common code of UNECE Recommendation 20 to the UCUM code that `twin.model.units` knows. Each was found with this
# meaning in UNECE_to_OPCUA.csv of the OPC Foundation (UA-Nodeset, folder Schema); P1, 59, 61, A99, AD and B10, which
# that file leaves out, in the lists of Recommendation 20 itself.
# fmt: off
_UCUM = {
    # ratio, count
    "C62": "1", "P1": "%", "59": "[ppm]", "61": "[ppb]",
    # temperature
    "CEL": "Cel", "FAH": "[degF]", "KEL": "K",
    # time, frequency
    "B98": "us", "C26": "ms", "SEC": "s", "MIN": "min", "HUR": "h", "DAY": "d",
    "HTZ": "Hz", "KHZ": "kHz", "MHZ": "MHz", "RPM": "/min", "RPS": "/s",
    # length, angle, area, volume
    "4H": "um", "MMT": "mm", "CMT": "cm", "MTR": "m", "KMT": "km", "INH": "[in_i]", "FOT": "[ft_i]", "SMI": "[mi_i]",
    "DD": "deg", "C81": "rad", "MTK": "m2", "CMQ": "cm3", "LTR": "L", "MTQ": "m3",
    # flow, speed, acceleration
    "G51": "L/s", "L2": "L/min", "MQS": "m3/s", "G53": "m3/min", "MQH": "m3/h", "2L": "[cft_i]/min",
    "2M": "cm/s", "MTS": "m/s", "KMH": "km/h", "HM": "[mi_i]/h", "MSK": "m/s2",
    # mass, mass flow, concentration
    "GRM": "g", "KGM": "kg", "2U": "t", "TNE": "t", "KGS": "kg/s",
    "GQ": "ug/m3", "GP": "mg/m3", "A93": "g/m3", "M1": "mg/L",
    # pressure
    "PAL": "Pa", "A97": "hPa", "KPA": "kPa", "MPA": "MPa", "MBR": "mbar", "BAR": "bar", "ATM": "atm", "PS": "[psi]",
    # electricity
    "2Z": "mV", "VLT": "V", "KVT": "kV", "4K": "mA", "AMP": "A", "B22": "kA", "AMH": "A.h", "OHM": "Ohm",
    "WTT": "W", "KWT": "kW", "MAW": "MW", "A90": "GW", "D46": "V.A", "KVA": "kV.A",
    "D44": "V.A{reactive}", "KVR": "kV.A{reactive}",
    # energy, heat
    "JOU": "J", "KJO": "kJ", "3B": "MJ", "WHR": "W.h", "KWH": "kW.h", "MWH": "MW.h", "GWH": "GW.h",
    "2I": "[Btu_IT]/h",
    # light, radiation, sound, data
    "LUX": "lx", "LUM": "lm", "D54": "W/m2", "B13": "J/m2", "2N": "dB", "A99": "bit", "AD": "By", "B10": "bit/s",
}
# fmt: on


def common_code(unit_id: int) -> str:
    """Return the common code that a unit id holds, "" when it holds none."""
    if not 0 < unit_id < 1 << (8 * _LONGEST_CODE):
        return ""
    raw = unit_id.to_bytes(_LONGEST_CODE, "big").lstrip(b"\0")
    text = raw.decode("ascii", "replace")
    return text if text.isascii() and text.isalnum() else ""


def unit_id(code: str) -> int:
    """Return the unit id of a common code."""
    return int.from_bytes(code.encode("ascii"), "big")


def ucum(namespace: str, unit: int) -> str:
    """Return the UCUM code of a unit, "" when it is not known."""
    return _UCUM.get(common_code(unit), "") if namespace == NAMESPACE else ""


CODES = tuple(_UCUM)
