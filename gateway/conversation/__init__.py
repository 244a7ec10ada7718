"""One conversation: its events, hearing, the learner's turn, the ending."""
