"""What both of OpenAI's APIs share: errors in their shape, and their names of voices."""
