"""What a district asks of others, and of its own people: supply requests, capacity of places, service intervals.

`services.yaml` says it (`spec`, `load`), a `ServiceBook` holds it compiled, `engine.Services` follows the live twin.
"""
