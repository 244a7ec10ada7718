"""Measures how often a learner is cut off, and how late the end of a turn is noticed."""
