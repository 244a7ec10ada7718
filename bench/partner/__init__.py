"""What the partner says: scripted conversations through the real gateway, and measures of each reply."""
