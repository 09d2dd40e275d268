"""The field simulator: every device of a district on its real protocol, in a process of its own.

A device's address, register, node or resource follows from the district's files, its values from a small world of sun,
weather and people. It serves on loopback, for the demo and for tests.
"""
