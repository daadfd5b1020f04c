"""Small pieces of the report page: tables, figures, and how a number is written.

Every word that came from data is escaped here, on its way in.
"""

from collections.abc import Sequence
from html import escape

MEANINGS = {
    "ndcg": ("NDCG", "hits, worth more the higher they stand; 1 is the ideal list"),
    "recall": ("Recall", "share of what was relevant that the list holds"),
    "recall_min": ("Recall (min)", "hits over min(relevant, k)"),
    "hit": ("Hit rate", "share of queries with at least one hit"),
    "precision": ("Precision", "share of places that hold a hit"),
    "mrr": ("MRR", "1 / place of the first hit"),
    "map": ("MAP", "mean of the precision at each hit, over min(relevant, k)"),
    "coverage": ("Coverage", "distinct items shown / items with a training interaction"),
    "catalog_coverage": ("Catalog coverage", "distinct items shown / items that may be shown"),
    "gini": ("Gini", "0: every item gets as many places, 1: one item gets all"),
    "arp": ("Popularity", "mean number of training interactions of what is shown"),
    "aplt": ("Long tail", "share of places outside the most popular fifth of the items"),
    "popreo": ("Unequal recall", "std / mean of recall over head and rest; 0 is fair"),
    "novelty": ("Novelty", "mean of -log₂ p(item), in bits"),
    "diversity": ("Diversity", "1 - mean cosine of the pairs in a list"),
    "calibration": ("Miscalibration", "KL divergence of the list's labels from the history's"),
}
"""What a metric is called on the page, and what it says."""


def words(rows: Sequence[Sequence[str]]) -> str:
    """A table of words; the first row is its head."""
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{escape(str(word))}</th>' for word in rows[0])
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(word))}</td>" for word in row) + "</tr>"
        for row in rows[1:]
    )
    table = f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody>"
    return scroll(table, str(rows[0][0]), "words")


def scroll(table: str, name: str, kind: str = "") -> str:
    """A table (its HTML) that scrolls sideways where it is too wide."""
    region = f'role="region" tabindex="0" aria-label="{escape(name)}"'
    return f'<div class="scroll" {region}><table class="{kind}">{table}</table></div>'


def figured(title: str, drawing: str, note: str) -> str:
    """A drawing with its title and a note."""
    caption = f"<figcaption>{escape(note)}</figcaption>" if note else ""
    return f"<figure><h3>{escape(title)}</h3>{drawing}{caption}</figure>"


def name(metric: str) -> str:
    """A metric as people call it: ndcg@10 is NDCG@10."""
    name, _, k = metric.partition("@")
    return f"{MEANINGS[name][0]}@{k}" if name in MEANINGS and k else metric


def figure(value: float | None) -> str:
    """A number as the page writes it."""
    if value is None or value != value:
        return "–"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.1f}"


def signed(value: float) -> str:
    """A number with its sign."""
    return f"{'-' if value < 0 else '+'}{figure(abs(value))}"


def ends(low: float | None, high: float | None) -> str:
    """An interval."""
    return f"{figure(low)} to {figure(high)}"
