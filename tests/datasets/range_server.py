"""A web server of one file that breaks off, gives ranges, ignores them, or gives wrong ones."""

from http.server import BaseHTTPRequestHandler

PIECE = 2**12  # bytes that are sent together where the length of the whole is not told


class RangeHandler(BaseHTTPRequestHandler):
    """Serves ``server.body`` in ``server.way``: 'ranges', 'whole', 'chunked', 'wrong part', '404'.

    ``server.breaks`` lists after how many bytes the next answers break off; ``server.asked`` keeps
    the ranges that were asked for.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        start = int(wanted[len("bytes=") : -1]) if wanted and server.way == "ranges" else 0
        self.close_connection = True
        if server.way == "404":
            self.send_error(404)
            return
        if wanted and server.way == "ranges" and start >= len(server.body):
            self.send_error(416)
            return
        partly = wanted and server.way in ("ranges", "wrong part")
        self.send_response(206 if partly else 200)
        body = server.body[start:]
        if partly:
            end = len(server.body)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if server.way == "chunked":  # as archives come that are packed while they are sent
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        there = body[: server.breaks.pop(0)] if server.breaks else body
        if server.way == "chunked":
            pieces = [there[at : at + PIECE] for at in range(0, len(there), PIECE)]
            ending = b"0\r\n\r\n" if there is body else b"4000\r\n"  # the next never comes
            there = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + ending
        self.wfile.write(there)

    def log_message(self, *_):
        pass
