"""Web servers on this machine that serve a folder's files, each in a way of its own."""

import contextlib
import http.server
import socket
import threading

PAUSE = 0.1  # seconds between two bytes of a server that drips


def whole(handler, content):
    _send(handler, content)


def truncated(handler, content):
    _send(handler, content[:-5])


def altered(handler, content):
    middle = len(content) // 2
    _send(handler, content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])


def login_page(handler, content):
    _send(handler, b"<html>Welcome to our network</html>")


def empty(handler, content):
    _send(handler, b"")


def not_found(handler, content):
    handler.send_error(404)


def broken(handler, content):
    handler.send_error(500)


def redirected_in_a_circle(handler, content):
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def closed_before_the_header(handler, content):
    handler.close_connection = True


def closed_in_mid_transfer(handler, content):
    _send(handler, content[: len(content) // 2], length=len(content))


def length_too_long(handler, content):
    _send(handler, content, length=len(content) + 100)


def length_too_short(handler, content):
    _send(handler, content, length=len(content) - 5)


def no_http(handler, content):
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 3)


def stalled_before_the_header(handler, content):
    handler.server.ending.wait()


def stalled_halfway(handler, content):
    closed_in_mid_transfer(handler, content)
    handler.server.ending.wait()


def dripping(handler, content):
    """Never at an end: a client that is patient hears more than the file is long, some minutes later."""
    _send(handler, b"", length=1 << 20)
    while not handler.server.ending.wait(PAUSE):
        handler.wfile.write(b"?")


def endless(handler, content):
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.ending.is_set():
        handler.wfile.write(bytes(1 << 16))


def _send(handler, content, length=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for every handler

    def __init__(self, contents, way):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.contents, self.way = contents, way
        self.asked = []  # the names that were asked for
        self.ending = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is no news


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        self.server.way(self, self.server.contents[name])

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def serving(folder, way=whole):
    """A server of the files in a folder; it knows its url and what was asked of it."""
    contents = {path.name: path.read_bytes() for path in folder.glob("*.gz")}
    with _Server(contents, way) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.ending.set()
            server.shutdown()
            thread.join()


@contextlib.contextmanager
def refusing():
    """The address of a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"
