"""Intervals on the platform: settled in a thread of their own, asked for over HTTP and by the command line."""
