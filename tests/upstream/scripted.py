"""An old CRM that answers what a test says, in these very bytes, and keeps what it was sent."""

import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Scripted:
    """A server on the loopback interface.

    Attributes:
        port: where it listens.
        requests: what came, request by request.
        connections: how many were made to it.
        broken: requests that were cut short.
        answers: what it answers next; bytes, or a function of the socket that does whatever it likes with it.
    """

    port: int = 0
    requests: "queue.Queue[bytes]" = field(default_factory=queue.Queue)
    broken: "queue.Queue[bytes]" = field(default_factory=queue.Queue)
    connections: int = 0
    answers: "queue.Queue[bytes | Callable[[socket.socket], None]]" = field(default_factory=queue.Queue)

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            data = b""
            while True:
                request, data = self._request(connection, data)
                if not request:
                    return
                self.requests.put(request)
                answer = self.answers.get()
                if isinstance(answer, bytes):
                    connection.sendall(answer)
                    if b"connection: close" in answer.lower():
                        return
                else:
                    answer(connection)

    def _request(self, connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
        """One whole request, and what came after it."""

        def more() -> bytes:
            part = connection.recv(65536)
            if not part:
                raise EOFError
            return part

        try:
            while b"\r\n\r\n" not in data:
                data += more()
            head, _, rest = data.partition(b"\r\n\r\n")
            names = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if b"content-length" in names:
                length = int(names[b"content-length"])
                while len(rest) < length:
                    rest += more()
                return head + b"\r\n\r\n" + rest[:length], rest[length:]
            if b"transfer-encoding" in names:
                while not rest.endswith(b"0\r\n\r\n"):
                    rest += more()
                return head + b"\r\n\r\n" + rest, b""
            return head + b"\r\n\r\n", rest
        except (EOFError, OSError):
            if data:
                self.broken.put(data)
            return b"", b""
