"""The catalogue: pages, boxes, GeoJSON, what one caller sees; the inventory as DCAT."""
