"""The language of derived points, alarms, interlocks and services: checked when a district loads, run as columns.

The way of an expression: `grammar` (text to syntax) -> `check` (names, selections and units; to a core of few kinds of
nodes) -> `Checked` -> `Program` (many expressions, evaluated together as numpy columns) or `replay` (one expression
over recorded history). There is no `eval` anywhere.
"""
