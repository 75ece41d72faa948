"""The exact requests that go out: headers, bodies, signatures, and what of an answer is kept."""
