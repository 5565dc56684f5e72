"""The audit: targets trained, attacked and measured by one protocol, and the report of it."""
