"""Datasets: whose the data of a district is, under which licence, and who may see it."""
