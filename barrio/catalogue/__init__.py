"""The catalogue: what there is of districts, sites, devices, points and what these have in common, for a caller."""
