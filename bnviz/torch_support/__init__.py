"""Small torch helpers below networks and instruments: random streams, and hooks that read a network."""
