"""Stands in for the server where the tests' own tools are tested: keeps to what support/process.rs expects of it."""

import http.server
import json
import os
import pathlib
import signal
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"ready\n" if self.path == "/readyz" else b""
        self.send_response(200 if body else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    data = pathlib.Path(os.environ["LATCHKEY_DATA_DIR"])
    data.mkdir(exist_ok=True)
    starts = data / "starts"
    starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
    (data / "admin.token").write_text("lko_stand_in\n")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    address = "127.0.0.1:%d" % server.server_port
    text = json.dumps({"decision": address, "admin": address, "ops": address})
    (data / "addresses.json.new").write_text(text)
    (data / "addresses.json.new").rename(data / "addresses.json")
    print("listening, environment: " + " ".join(sorted(os.environ)), file=sys.stderr, flush=True)
    server.serve_forever()


main()
