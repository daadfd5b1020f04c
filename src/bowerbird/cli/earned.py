"""The online report for people: what was earned, at what rate, and what to make of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bowerbird.cli.console import out, print_table

CREDIT = {
    "direct": "on a list",
    "click": "after a click",
    "view": "after a look",
    "attributed": "credited",
    "none": "unattributed",
    "total": "all",
}
"""Levels in words."""
WHOLE = {"CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF", "XPF", "RWF", "KMF"}
WHOLE |= {"BIF", "DJF", "GNF", "UYI", "VUV"}
"""Currencies without a minor unit (ISO 4217)."""
THOUSANDTHS = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
GROUPS_SHOWN = 40
"""Rows of the table; --json has all."""

Figure = Mapping[str, Any]


def print_report(report: Mapping[str, Any]) -> None:
    """Money by level, then rates by group, then what to bear in mind."""
    rules, groups = report["rules"], report["groups"]
    overall = groups[0]["figures"]
    span = [_date(rules["since"]) if rules["since"] else "the first list"]
    span.append(_date(rules["until"]) if rules["until"] else _date(report["as_of"]))
    out.print(f"What the lists earned, {span[0]} … {span[1]} UTC ({report['attribution']})\n")
    _print_credit(overall, rules)
    shown = groups if not report["by"] else groups[1 : GROUPS_SHOWN + 1] + groups[:1]
    _print_rates(shown, report["by"], rules)
    for note in _notes(report):
        out.print(note)


def _print_credit(overall: Mapping[str, Figure], rules: Mapping[str, Any]) -> None:
    """Counts of conversions, and for each currency the money."""
    levels = [name for name in CREDIT if name != "view" or rules["view_through_s"]]
    types = rules["conversions"]
    for place, currency in enumerate(_currencies(overall) or [""]):
        shown = types if place == 0 else []
        columns = ["", *shown, *([currency, "95 % interval"] if currency else [])]
        rows = [
            [
                CREDIT[level],
                *(f"{overall[f'conversions:{one}:{level}']['value']:,}" for one in shown),
            ]
            for level in levels
        ]
        for row, level in zip(rows, levels, strict=True):
            if currency:
                row += _money_cells(overall[f"revenue:{currency}:{level}"], currency)
        print_table(columns, rows)
        out.print()


def _print_rates(groups: list[Mapping[str, Any]], by: list[str], rules: Mapping[str, Any]) -> None:
    """A row a group in which a list was served, then all."""
    sale = f"conversion_rate:{rules['sales'][0]}:attributed"
    currencies = _currencies(groups[-1]["figures"])
    rows = []
    for group in groups:
        of = group["figures"]
        if group["group"] and not of["lists_served"]["value"]:
            continue
        names = [_name(group["group"], name, first=name == by[0]) for name in by]
        seen = f"{of['lists_seen']['value']:,} of {of['lists_served']['value']:,}"
        money = [_money(of[f"revenue_per_list:{one}"]["value"], one) for one in currencies[:1]]
        rows.append([*names, seen, _rate(of["ctr_list"]), _rate(of[sale]), *money])
    columns = [*by, "lists seen", "clicked", "buyers"]
    print_table([*columns, *(f"{one}/list" for one in currencies[:1])], rows)
    out.print()


def _notes(report: Mapping[str, Any]) -> list[str]:
    overall, rules = report["groups"][0], report["rules"]
    notes = ["In %, with 95 % interval: clicked, of seen lists; buyers, of people who saw one."]
    if report["served_as_seen"]:
        notes.append("--served-as-seen: lists nobody looked at count, so rates are too low.")
    elif (unseen := overall["figures"]["unreported_share"]["value"]) is not None and unseen > 0:
        notes.append(f"Of {unseen:.1%} of the lists no exposure was reported.")
    if not overall["final"]:
        days = (max(rules["click_through_s"], rules["view_through_s"]) + rules["grace_s"]) / 86_400
        notes.append(f"Not final: figures of a day may change for {days:.0f} days.")
    refused = sum(sum(reasons.values()) for reasons in report["refused"].values())
    if refused:
        notes.append(
            f"{refused:,} events name a list that they do not belong to (--json: refused)."
        )
    if len(report["groups"]) > GROUPS_SHOWN + 1:
        notes.append(f"{len(report['groups']) - 1:,} groups; --json has all.")
    notes.append("Credit is for diagnosis: who buys after a click might have bought anyway.")
    return notes


def _currencies(figures: Mapping[str, Figure]) -> list[str]:
    """The one that brought most first."""
    names = [name.split(":")[1] for name in figures if name.startswith("revenue_per_list:")]
    return sorted(names, key=lambda name: -figures[f"revenue:{name}:total"]["value"])


def _name(group: Mapping[str, Any], name: str, first: bool) -> str:
    if not group:
        return "all" if first else ""
    return "–" if group[name] is None else str(group[name])


def _rate(figure: Figure) -> str:
    if figure["value"] is None:
        return "–"
    value = f"{100 * figure['value']:.1f}"
    if figure["low"] is None:
        return value
    return f"{value} ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"


def _money_cells(figure: Figure, currency: str) -> list[str]:
    ends = [figure["low"], figure["high"]]
    between = "" if None in ends else " … ".join(_money(end, currency) for end in ends)
    return [_money(figure["value"], currency), between]


def _money(minor: int | float | None, currency: str) -> str:
    """An amount in its currency's main unit."""
    if minor is None:
        return "–"
    digits = 0 if currency in WHOLE else 3 if currency in THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f}"


def _date(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M}"
