"""Small servers for tests of downloads: one that must never be contacted, and one that plays a script of bytes."""

import socket
import ssl
import subprocess
import threading
from contextlib import suppress


class Canary:
    """Listens on a loopback port and counts connections, of which there should be none."""

    def __init__(self, host="127.0.0.1", port=0, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.visitors = 0
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        with suppress(OSError):
            while True:
                visitor, _ = self.socket.accept()
                self.visitors += 1
                visitor.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(60)


class Scripted:
    """Answers each connection in turn with one of `answers`: bytes, or a function of the socket; notes the requests."""

    def __init__(self, *answers, host="127.0.0.1", context=None):
        self.answers, self.context, self.requests, self.names = list(answers), context, [], []
        self.socket = socket.create_server((host, 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        with suppress(OSError):
            while self.answers:
                visitor, _ = self.socket.accept()
                with suppress(OSError):
                    self.serve(visitor, self.answers.pop(0))

    def serve(self, visitor, answer):
        if self.context:
            visitor = self.context.wrap_socket(visitor, server_side=True)
        with visitor:
            self.requests.append(read_head(visitor))
            if callable(answer):
                answer(visitor)
            else:
                visitor.sendall(answer)

    def close(self):
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(60)


def read_head(visitor):
    head = b""
    while b"\r\n\r\n" not in head:
        received = visitor.recv(65536)
        if not received:
            break
        head += received
    return head.decode("latin-1")


def certificate(folder, name):
    """A server's and a client's TLS context for a certificate of that name alone, signed by itself."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    return server, ssl.create_default_context(cafile=str(cert))
