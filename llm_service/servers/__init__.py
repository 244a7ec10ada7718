"""Model servers that are started, watched and balanced."""
