"""Verdicts in words, for pages: badges and numbers (`texts`), and links to settings (`links`)."""
