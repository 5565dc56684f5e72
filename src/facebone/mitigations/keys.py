"""Secret keys of defences: what is one, its bytes, and what stands for it where people read."""

from __future__ import annotations

import hashlib

from facebone.errors import UsageError

MIN_KEY_LENGTH = 16
KEY_BYTES = 32

KEPT = "kept with the arrays"
"""Stands for the key in the part of a saved head that people read."""


def check_key(key: object) -> None:
    """Refuse a key that is too short or no text; the message does not show it.

    Raises:
        UsageError: it is.
    """
    if not isinstance(key, str):
        raise UsageError(
            f"must be text, got a {type(key).__name__}",
            where="key",
            hint="use hexadecimal digits that do not form a number, or quote it as JSON text",
        )
    if len(key) < MIN_KEY_LENGTH:
        raise UsageError(
            f"must have at least {MIN_KEY_LENGTH} characters, got {len(key)}",
            where="key",
            hint="32 random hexadecimal digits are good",
        )


def key_bytes(key: str) -> bytes:
    """The 32 bytes of a key given as text: 64 hexadecimal digits stand for themselves."""
    if len(key) == 2 * KEY_BYTES and set(key) <= set("0123456789abcdef"):
        return bytes.fromhex(key)
    return hashlib.sha256(key.encode()).digest()


def derived_key(seed: int) -> bytes:
    """A key for audits, which must be repeatable: whoever knows the seed knows it."""
    return hashlib.sha256(f"facebone key of seed {seed}".encode()).digest()
