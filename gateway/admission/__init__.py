"""Decides who may converse, and when: tokens, limits, seats, the queue, the waiting room, draining."""
