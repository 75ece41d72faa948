"""Secrets of all shapes, put together here so that nobody's scanner takes them for real ones; and what is none."""

from typing import Any

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

# What has no shape, and is known by the name that it has. Each is told from the others in any text.
NAMED = [f"tulip-{number}-harbour" for number in range(44)]

# Headers of requests: encrypted at rest, in jobs, schedules, their log and what came to the inbox.
HEADERS: dict[str, str] = {
    "Authorization": f"Bearer {NAMED[0]}",
    "Cookie": f"sid={NAMED[1]}; theme=dark",
    "X-Session": NAMED[2],
    "X-Api-Key": NAMED[3],
    "X-Acme-Flavour": SHAPED[3],
    "X-Acme-Trace": SHAPED[16],
}
SCHEDULE_HEADERS = {"Authorization": f"Basic {NAMED[4]}", "X-Webhook-Signature": NAMED[5]}
INBOX_HEADERS = {"Authorization": f"Token {NAMED[6]}", "Cookie": f"session={NAMED[7]}"}
# Values of `{{secret:NAME}}`, and where each goes: into a header, a body, a query, a URL, a callback's URL, nowhere.
SECRETS = {
    "IN_HEADER": NAMED[8],
    "IN_BODY": NAMED[9],
    "IN_QUERY": f"{NAMED[10]} & more",
    "IN_URL": NAMED[11],
    "IN_CALLBACK": NAMED[12],
    "UNUSED": NAMED[13],
}
SIGNING = [
    "whsec_" + "dHVsaXAtc2lnbmluZy1zZWNyZXQtb25l" + "MTI=",
    "whsec_" + "dHVsaXAtc2lnbmluZy1zZWNyZXQtdHdv" + "MzQ=",
]
# The first is one, of whom it is for the test to say; the second has the form of one, and nobody has made it.
API_KEYS = [
    "sk_" + "tulipKeyOfAdaThatIsInUse01234567" + "2Folzj",
    "sk_" + "tulipKeyThatNobodyHasMade0123456" + "3kvKGP",
]
PASSWORDS = [NAMED[14], NAMED[15]]
PROXY_PASSWORD = NAMED[16]
# The secret of a second factor, one of its recovery codes, and a code that was wrong.
FACTOR = ["TULIPHARBQURFACTQRSECRETTULIPSEC", "tulp-harb-recv-cqde", "tulip-wrong-code"]

QUERY: dict[str, Any] = {"sig": NAMED[17], "nested": {"jwt": NAMED[18], "deeper": [{"api_key": NAMED[19]}]}}
BODY: dict[str, Any] = {
    "user": {"password": NAMED[20], "pwd": NAMED[21], "profile": {"clientSecret": NAMED[22]}},
    "accounts": [{"access_token": NAMED[23]}, {"refreshToken": NAMED[24]}],
    "notes": [*SHAPED, f"the DSN is postgres://booper:{NAMED[25]}@db.internal/booper"],
    "config": f"DB_PASSWORD={NAMED[26]}\nexport AWS_SECRET_ACCESS_KEY={NAMED[27]}",
    "pem": f"-----BEGIN PRIVATE KEY-----\n{NAMED[28]}\n-----END PRIVATE KEY-----",
}
URLS = [
    f"https://hooks.slack.com/services/T0/B0/{NAMED[29]}?token={NAMED[30]}",
    f"https://discord.com/api/webhooks/123/{NAMED[31]}",
    f"https://api.telegram.org/bot{NAMED[32]}/sendMessage",
    f"https://maker.ifttt.com/trigger/done/with/key/{NAMED[33]}",
    f"https://example.com/in?access_token={NAMED[34]}&x={SHAPED[0]}",
]
SERVICE_URL = f"tgram://123456789:{NAMED[43]}/12345"
CALLBACK_URL, WEBHOOK_URL = f"https://example.com/back?key={NAMED[35]}", f"https://example.com/events?auth={NAMED[36]}"
USER_INFORMATION = f"https://booper:{NAMED[37]}@example.com/"
ECHO: dict[str, Any] = {
    "you_sent": [*SHAPED, *NAMED[8:10], f"{NAMED[10]} & more", NAMED[11], f"password={NAMED[38]}"],
    "access_token": NAMED[39],
    "deep": {"secret": NAMED[40]},
}
ECHO_HEADERS = (("Content-Type", "application/json"), ("Set-Cookie", f"sid={NAMED[41]}"), ("X-Echo", SHAPED[4]))
FAILURE = f"the target said: token={NAMED[42]}"

SEALED = [
    *(NAMED[0], NAMED[1], NAMED[2], NAMED[3], NAMED[4], NAMED[5], NAMED[6], NAMED[7]),
    *(*NAMED[8:14], *SIGNING, *API_KEYS, *PASSWORDS, *FACTOR, PROXY_PASSWORD, NAMED[37]),
]
"""Those that a dump may not have in clear, and that stand nowhere but where they are encrypted, or not kept at all."""

EVERYTHING = [*SHAPED, *NAMED, *SIGNING, *API_KEYS, *FACTOR]
