"""The conformance suite: what every connector must hold, for ours and for others."""
