"""Who may see what: tiers and scopes, and the sight of a caller over everything that is configured."""
