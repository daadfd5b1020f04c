"""What tests of the console share: a name that would do harm, and patience."""

import time

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\"' onclick=alert(3)"
VIEWS = ("home", "try", "map", "catalog", "models", "metrics", "rules", "data", "settings")


def until(found, seconds=20.0):
    """What comes, however busy the machine is."""
    ends = time.monotonic() + seconds
    while not (got := found()) and time.monotonic() < ends:
        time.sleep(0.1)
    return got


def settled(page):
    page.wait_for_selector("main:not(:has([aria-busy]:visible))")  # the policy lets no text be run
    _, _, name = page.url.partition("#/")
    view = f"[data-view={name.partition('?')[0]}]" if name else ""
    # a selector, since the policy lets no text be run
    page.wait_for_selector(f"main{view}:not(:has([aria-busy]))")
    """Until the view that is shown has all its parts; the policy lets no text be run."""
    page.wait_for_selector(
        "main:not([aria-busy], :has([aria-busy]:not([hidden], [hidden] *))), #login:visible"
    )
