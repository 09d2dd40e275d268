"""What payloads hold, whichever protocol carries them: text, JSON, CBOR, SenML."""
