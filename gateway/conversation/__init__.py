"""One conversation from top to bottom: events, hearing, the learner's turn, the ending."""
