"""Certificates of servers on loopback."""

from __future__ import annotations

import ssl


def context_of(certificate):
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(*certificate)
    return found
