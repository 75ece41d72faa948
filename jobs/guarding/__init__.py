"""What keeps tenants, and strangers, from harming others: keys, secrets, limits, suspension, and who did what."""
