"""The demo: a simulated district in a process of its own, the platform in this one, and a live view of both."""
