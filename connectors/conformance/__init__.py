"""The conformance suite: what every connector must hold, for ours and for others.

`subject` is what the author of a connector writes, `suite` the checks that run on it, `proxy` and `udp_proxy` the
troubles between a link and its device, `recording` what tests of a connector stand on. `connectors/README.md` is the
guide.
"""
