"""Measures the partner's replies: scripted conversations through the real gateway, and figures of each reply."""
