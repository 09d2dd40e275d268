"""What dashboards are made of: names, texts, queries, panels, pages."""
