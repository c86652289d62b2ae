"""Repeatable ratios against bare PyTorch. Never part of the tests: a slow day is not a failure."""
