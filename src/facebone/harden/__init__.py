"""Hardening: which defences to take, searched on some people and confirmed on others."""
