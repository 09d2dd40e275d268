"""The pytest plug-in that brings the conformance suite."""
