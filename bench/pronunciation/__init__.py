"""`make bench-pronunciation`: whether a mispronounced word can be told from a right one."""
