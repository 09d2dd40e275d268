"""Relations to look at: as a tree of text, as DOT, as SVG or as JSON."""
