"""The parts of the admin that know nothing of jobs: lists, columns, filters, search."""
