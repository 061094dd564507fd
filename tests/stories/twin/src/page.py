"""The dashboard's page, which must be started in the application's folder."""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from src.container import container


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{type(container).__name__} {Path('pyproject.toml').is_file()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def main():
    with HTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8503), Handler) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
