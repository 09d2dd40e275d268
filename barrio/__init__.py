"""The application: command line, settings, supervision, HTTP surface, simulator and demo. It wires all the others."""

from importlib.metadata import version

__version__ = version("barrio")
