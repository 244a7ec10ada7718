"""Measures the partner's replies: holds scripted conversations through the real gateway, and computes figures for each
reply."""
