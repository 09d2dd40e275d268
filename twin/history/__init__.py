"""History reduced to windows: what aggregates mean, how rollups and readings are joined, how gaps are filled."""
