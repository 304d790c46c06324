"""As much of ClickHouse's HTTP interface as ledger_clickhouse.py uses, before the engine of the package chdb-core.

usage: server.py DIRECTORY PORT_FILE
"""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from chdb.session import Session

session = Session(sys.argv[1])
one_at_a_time = threading.Lock()
context: list[str] = []


def set_context(statements: list[str]) -> None:
    """Those of a request, unless the last one had the same."""
    if context != statements:
        context.clear()
        for statement in statements:
            session.query(statement)
        context.extend(statements)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        settings = dict(parse_qsl(urlsplit(self.path).query))
        statement = self.rfile.read(int(self.headers["Content-Length"])).decode()
        database = settings.pop("database")
        output = settings.pop("default_format")
        settings.pop("wait_end_of_query")
        status = 200
        with one_at_a_time:
            try:
                set_context([f"USE `{database}`", *(f"SET {name} = '{value}'" for name, value in settings.items())])
                body = session.query(statement, output).bytes()
            except Exception as error:
                status, body = 500, str(error).encode()
        # Who asked may be gone; what was asked for is done all the same, as by the real server.
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
Path(sys.argv[2] + ".tmp").write_text(str(server.server_port))
Path(sys.argv[2] + ".tmp").rename(sys.argv[2])
server.serve_forever()
