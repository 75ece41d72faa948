"""What the OpenAPI document says of each call, a file a subject."""
