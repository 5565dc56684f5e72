"""The report: one page that holds all of an audit, made from its json and its table of scores."""
