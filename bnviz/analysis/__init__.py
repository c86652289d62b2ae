"""Analysis: numbers over time and over seeds that claims, figures and captions are made of. No torch, no charts."""
