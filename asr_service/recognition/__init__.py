"""What is decoded, when, and for whom."""
