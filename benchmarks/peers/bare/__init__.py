"""What a team would write for itself: a view of REST framework that inserts one row and publishes one message."""
