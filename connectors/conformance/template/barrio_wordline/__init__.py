"""The connector `wordline`: see README.md."""

from barrio_wordline.connector import WordlineConnector

connector = WordlineConnector()

__all__ = ["connector"]
