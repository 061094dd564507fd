"""Scores how well a small local model finds documents for questions."""
