"""What a client may ask for, checked and turned into specs."""
