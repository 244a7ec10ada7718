"""Who may come in, and when: tokens, limits, seats, the queue, the waiting room, draining."""
