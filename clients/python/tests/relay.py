"""An HTTP relay in front of the courier, which drops the requests or responses that a test names."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Relay:
    """:param lose: from the n-th request (counted from 1) and its path to what happens to it: ``None`` to forward it,
    ``cut`` to break the connection before it has an effect, ``answer-lost`` to forward it and break the connection
    instead of the answer, or ``(status, headers, body)`` to answer it in the courier's place
    """

    def __init__(self, target, lose):
        relay = self
        self.seen = []
        self.keys = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def handle_any(self):
                relay.seen.append(self.path.split("?")[0])
                relay.keys.append(self.headers.get("Idempotency-Key"))
                self.close_connection = True
                loss = lose(len(relay.seen), self.path)
                if isinstance(loss, tuple):
                    return relay.answer(self, *loss)
                body = relay.body_of(self)
                if loss == "cut":
                    return None
                answer = relay.forward(target, self, body)
                return None if loss == "answer-lost" else relay.answer(self, *answer)

            do_GET = do_POST = handle_any

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @staticmethod
    def body_of(handler):
        length = handler.headers.get("Content-Length")
        if length is not None:
            return handler.rfile.read(int(length))
        if handler.headers.get("Transfer-Encoding") != "chunked":
            return None
        parts = []
        while True:
            size = int(handler.rfile.readline(), 16)
            parts.append(handler.rfile.read(size))
            handler.rfile.readline()
            if size == 0:
                return b"".join(parts)

    @staticmethod
    def forward(target, handler, body):
        connection = http.client.HTTPConnection(urlsplit(target).netloc, timeout=60)
        dropped = ("connection", "transfer-encoding", "content-length")
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        connection.request(handler.command, handler.path, body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, {"Content-Type": response.getheader("Content-Type", "")}, content

    @staticmethod
    def answer(handler, status, headers, body):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
