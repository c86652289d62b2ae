"""Torch helpers that networks, probes and training share: random streams, and hooks that record pre-activations."""
