"""What goes out: bodies, placeholders, signatures, and which values may be shown."""
