"""Synthetic faces: identities, nuisances, rendering, scenes."""
