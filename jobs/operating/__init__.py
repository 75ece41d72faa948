"""What keeps an installation well: doctor, invariants, health, retention."""
