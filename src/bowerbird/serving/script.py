"""The script that pages load: it reports what was seen and clicked of lists."""

import hashlib
import re
from pathlib import Path

from bowerbird.serving.call import Call, Reply

TYPE = "text/javascript"
SOURCE = Path(__file__).parent / "static" / "bowerbird.js"


def shipped(source: str) -> str:
    r"""Without lines that only say something to its readers, and without indentation.

    >>> shipped("// adds\n  a + b  // here it stays\n")
    'a + b  // here it stays\n'
    """
    return re.sub(r"^\s*(//.*\n)?", "", source, flags=re.MULTILINE)


_BODY = shipped(SOURCE.read_text("utf-8")).encode()
_TAG = f'"{hashlib.sha256(_BODY).hexdigest()[:16]}"'
HARMLESS = {
    # a page that loads it has a policy of its own; looked at alone it may do nothing
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def script(call: Call) -> Reply:
    """As browsers keep it for an hour; nothing but its tag for one that has it."""
    headers = {"ETag": _TAG, "Cache-Control": "public, max-age=3600", **HARMLESS}
    if _TAG in call.request.headers.get("if-none-match", ""):
        return Reply(b"", 304, headers, TYPE)
    return Reply(_BODY, 200, headers, TYPE)
