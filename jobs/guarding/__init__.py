"""What keeps tenants, and strangers, from harming others."""
