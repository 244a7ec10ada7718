"""Measures whether a learner's mistakes reach the transcript, and whether correct sentences stay correct."""
