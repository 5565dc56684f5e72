"""The report's pictures: each a matplotlib figure turned into SVG that stands in the page."""
