"""Datasets: what files say, which groups may be summed, what is published."""
