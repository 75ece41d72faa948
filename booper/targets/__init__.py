"""What may be contacted: URLs, addresses, headers, and the policy of this installation."""
