"""The owners' doors in a browser."""
