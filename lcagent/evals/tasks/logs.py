"""Made-up lines of a log, in order of time, each service writing them in a form of its own."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from lcagent.evals.tasks.records import Record
from lcagent.evals.tasks.words import GIVEN_NAMES, NOUNS

LEVELS = ("INFO", "INFO", "INFO", "WARN", "DEBUG", "ERROR")
MESSAGES = (
    "connection refused",
    "cache rebuilt",
    "token expired",
    "upload finished",
    "record locked",
    "password changed",
    "disk nearly full",
    "job started",
    "certificate renewed",
    "request timed out",
)
_FORMS = (
    "{time} {level} [{service}] {message} user={user} duration={duration}ms",
    'time="{time}" service={service} level={level} user={user} message="{message}" duration={duration}ms',
    "[{time}] {service}/{level}: {message} ({user}, {duration} ms)",
    "{time} | {service} | {level} | {user} | {duration} ms | {message}",
)
_DAYS = 9
"""Over which the lines are spread."""


def log(rng: Random, number: int) -> list[Record]:
    """So many lines, each at a second of its own."""
    services = [f"{noun}-{rng.choice(('api', 'db', 'web', 'queue'))}" for noun in rng.sample(NOUNS, 6)]
    services = services[: max(3, min(6, number // 4))]
    forms = {service: rng.choice(_FORMS) for service in services}
    users = [f"{name.lower()}{rng.randint(10, 99)}" for name in GIVEN_NAMES]
    users = rng.sample(users, max(3, min(len(users), number // 4)))
    at = datetime(2031, 1, 1) + timedelta(days=rng.randrange(300), seconds=rng.randrange(86_400))
    step = max(1, _DAYS * 86_400 // number)
    lines: list[Record] = []
    for _ in range(number):
        at += timedelta(seconds=rng.randint(1, 2 * step))
        service = services[min(rng.randrange(len(services)), rng.randrange(len(services)))]
        fields: dict[str, str | int] = {
            "time": f"{at:%Y-%m-%d %H:%M:%S}",
            "date": f"{at:%Y-%m-%d}",
            "service": service,
            "level": rng.choice(LEVELS),
            "user": users[min(rng.randrange(len(users)), rng.randrange(len(users)))],
            "message": rng.choice(MESSAGES),
            "duration": int(10 ** rng.uniform(0.5, 4.7)),
        }
        lines.append(Record("line", fields, forms[service].format(**fields)))
    return lines
