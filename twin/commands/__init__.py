"""Commands: who may write which point and how, what is desired of it, and what became of each order."""
