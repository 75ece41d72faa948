"""The shapes that the OpenAPI document refers to: bodies and answers, parameters, refusals."""
