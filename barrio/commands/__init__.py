"""What the commands do; `barrio.cli` says what they are called."""
