"""Secrets of all shapes, put together here so that nobody's scanner takes them for real ones; and what is none."""

SHAPED = [
    "sk_" + "4eC39HqLyjWDarjtT1zdp7dc0aBcDeFgHiJkLm",
    "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",
    "sk-" + "proj-abcdefghijklmnopqrstuvwx",
    "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_" + "11ABCDEFG0123456789abcd",
    "glpat-" + "abcdefghij0123456789",
    "xoxb-" + "1234567890-abcdefGHIJ",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "ya29." + "a0AfH6SMBx-abcdefghijk",
    "SG." + "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf-09kqeF8tAmbihYzrnopKc-1s5cr",
    "npm_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "hf_" + "abcdefghijklmnopqrstuvwx",
    "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "Zm9vYmFyQmF6MTIzNDU2Nzg5MA",
    "3b4f8a9c2d1e0f7b6a5d4c3b2a1f0e9d8c7b6a59",
]

HARMLESS = [
    "0193f2c4-6a1e-7b3d-9c41-0f5b9a6c1d22",
    "2026-12-01T09:00:00.123456Z",
    "https://example.com/a-rather-long-path/of-words/in-small-letters",
    "The quick brown fox jumps over the lazy dog, 12 times",
    "application/x-www-form-urlencoded; charset=utf-8",
    "Booper/0.2.0 (+https://booper.dev)",
    "AverageResponseTimeInMillisecondsOfAllTargets",
    "order-2026-000123456789",
    "{{secret:API_TOKEN}}",
    "12345678901234567890123456789012345",
    "due for 2.0 s, with 3 jobs of yours due before it: the workers are busy",
]
