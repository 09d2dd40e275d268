"""Rollups: history reduced to quarter hours, hours and days of the district, and the book of what is done."""
