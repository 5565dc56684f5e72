"""Adaptations: heads that learn templates from pictures of known people, one a file."""
