"""What came back, and what it means for the attempt."""
