"""Decodes audio with the recognition engine: the queue, the threads, and the decodes of one turn."""
