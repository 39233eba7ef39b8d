"""Shares of the raw limit, from what was measured of each server in each round, and which of two measures decides."""

import statistics

# With so many samples of each of two servers, chance alone moves their shares apart by less than a point in 19 of 20
# runs, at u = 0.1: 2 * sqrt(2 * u * (1 - u) / n) < 0.01. A tick is a sample, too.
ENOUGH_SAMPLES = 7200
SAME_CALLS = 0.02


def by_user_time(one, limit):
    return (1 - one["user"]) / (1 - limit["user"])


def by_requests(one, limit):
    return one["per_cpu_second"] / limit["per_cpu_second"]


def calls_ratio(rounds, name, other):
    return statistics.median(r[name]["calls_per_request"] / r[other]["calls_per_request"] for r in rounds)


def decides(rounds, name, other):
    """User time rewards useless system calls, and few samples say nothing."""
    enough = all(sum(r[n]["samples"] for r in rounds) >= ENOUGH_SAMPLES for n in (name, other))
    return "user time" if enough and abs(calls_ratio(rounds, name, other) - 1) <= SAME_CALLS else "requests"


def result(rounds, name, limit):
    """Of one server: medians over the rounds, and all shares, each taken within its round."""
    of = [r[name] for r in rounds]
    medians = {key: statistics.median(m[key] for m in of) for key in ("user", "per_cpu_second", "calls_per_request")}
    return {**medians,
            "samples": sum(m["samples"] for m in of),
            "calls_ratio": calls_ratio(rounds, name, limit),
            "by_user_time": [by_user_time(r[name], r[limit]) for r in rounds],
            "by_requests": [by_requests(r[name], r[limit]) for r in rounds],
            "decides": decides(rounds, name, limit)}


def difference(rounds, one, other, results):
    """Of two servers' shares, in points."""
    return {**{key: [100 * (a - b) for a, b in zip(results[one][key], results[other][key])]
               for key in ("by_user_time", "by_requests")},
            "calls_ratio": calls_ratio(rounds, one, other),
            "decides": decides(rounds, one, other)}


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def marked(of, form):
    """Both measures; the one that decides is bold."""
    cells = [spread(of["by_user_time"], form), spread(of["by_requests"], form)]
    at = 0 if of["decides"] == "user time" else 1
    cells[at] = f"**{cells[at]}**"
    return " | ".join(cells)


def table(rows):
    """Of (request and connections, server, its result)."""
    lines = ["| request, connections | server | u, % | samples | share by user time: median (lowest to highest) | "
             "share by requests per CPU-second | requests per CPU-second | system calls per request | of the limit's | "
             "decides |", "|---|---|---|---|---|---|---|---|---|---|"]
    for row, name, r in rows:
        lines.append(f"| {row} | {name} | {100 * r['user']:.1f} | {r['samples']:,} | {marked(r, '.3f')} | "
                     f"{r['per_cpu_second']:,.0f} | {r['calls_per_request']:.3f} | {r['calls_ratio']:.3f} | "
                     f"{r['decides']} |")
    return "\n".join(lines)


def differences(rows):
    """Of (request and connections, which two, their difference)."""
    lines = ["| request, connections | difference in points | by user time: median (lowest to highest) | by requests per "
             "CPU-second | system calls, one's of the other's | decides |",
             "|---|---|---|---|---|---|"]
    for row, name, d in rows:
        lines.append(f"| {row} | {name} | {marked(d, '+.1f')} | {d['calls_ratio']:.3f} | {d['decides']} |")
    return "\n".join(lines)
