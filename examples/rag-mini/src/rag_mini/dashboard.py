"""A web page on this machine alone, which shows the runs that were made."""

import argparse
import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rag_mini import history, paths
from rag_mini.settings import SettingsError, load_settings

TEMPLATE = Path("src/rag_mini/dashboard.html")  # from the application's folder, where it must be started


def page(runs):
    """Return the page as UTF-8."""
    rows = "".join(
        f"<tr><td>{number}<td>{html.escape(made)}<td>{html.escape(dataset)}<td>hit@{k} {hit:.3f}<td>{mrr:.3f}</tr>\n"
        for number, made, dataset, k, hit, mrr in runs
    )
    return TEMPLATE.read_text(encoding="utf-8").replace("{rows}", rows).encode()


def make_server(port, database):
    """Return a server for the page on 127.0.0.1; port 0 takes a free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/":
                self.send_error(404)
                return
            body = page(history.runs(database))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="rag-mini-dashboard", description="Show the runs in a browser.")
    parser.add_argument("--port", type=int, default=8503, help="0 takes a free one")
    try:
        settings = load_settings()
    except SettingsError as error:
        print(f"rag-mini-dashboard cannot start: {error}. Set it in the environment or in .env.", file=sys.stderr)
        return 1
    arguments = parser.parse_args(argv)
    if not TEMPLATE.is_file():
        print(f"rag-mini-dashboard: {TEMPLATE} is not here; start it from the application's folder.", file=sys.stderr)
        return 1
    with make_server(arguments.port, paths.database_file(settings.database_url)) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
    return 0
