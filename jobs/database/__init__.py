"""What the ORM has no words for: bulk SQL, the database's clock, the log's rows, fair shares."""
