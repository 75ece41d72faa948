"""What a client may put into a query string: filters, orders, cursors, identifiers."""
