"""The model of a district: quantities, profiles, devices, points, sites and relations."""
