"""Web addresses that alerts go to, for tests."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class Hook:
    """A web address that answers with these statuses, one after another."""

    def __init__(self, *statuses):
        self.got, self.left = [], list(statuses)

    def __enter__(self):
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((self.headers["Content-Type"], json.loads(body)))
                self.send_response(hook.left.pop(0))
                self.end_headers()

            def log_message(self, *told):
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?token=secret"
        return self

    def __exit__(self, *told):
        self.server.shutdown()
        self.server.server_close()
