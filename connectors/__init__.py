"""Protocol connectors: device to frames, command to device. They know the twin's words and nothing else of it."""
