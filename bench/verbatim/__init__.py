"""Measures whether a learner's mistakes reach the transcript, and whether right sentences stay right."""
