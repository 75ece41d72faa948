"""Lets an assistant look at jobs by the Model Context Protocol, and do something about them where it is allowed to."""
