import shutil
import socket
import time

import pytest

from tests.parts.listeners import Canary, Scripted, certificate
from videos.storage.checked_connection import Fault, FetchError, Guard
from videos.storage.download import ServerFacts, download
from videos.storage.public_addresses import is_public

FORBIDDEN = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "2606:4700::1%1",
    "localhost",
    "example.com",
    "8.8.8",
    "0x7f000001",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "2620:fe::fe",
]
BODY = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 40


def plain(body=BODY, status="200 OK", **headers):
    lines = {"Content-Length": len(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@pytest.fixture
def file(tmp_path):
    with (tmp_path / "partial").open("w+b", buffering=0) as opened:
        yield opened


@pytest.fixture
def serve():
    made = []

    def start(*answers, **options):
        made.append(Scripted(*answers, **options))
        return made[-1]

    yield start
    for server in made:
        server.close()


@pytest.fixture
def canary():
    listener = Canary()
    yield listener
    listener.close()


def contents(file):
    file.seek(0)
    return file.read()


def fetch(server, file, facts=None, **rules):
    origin = f"http://127.0.0.1:{server.port}"
    facts = facts or ServerFacts()
    download(f"{origin}/video.mp4?Signature=secret", file, facts, Guard(trusted_origin=origin, **rules))
    return facts


def fault_of(call, *arguments, **rules):
    with pytest.raises(FetchError) as caught:
        call(*arguments, **rules)
    assert "secret" not in str(caught.value) and "127.0.0.1" not in str(caught.value)
    return caught.value.fault


# Where it may connect
@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_outside_the_public_internet_is_forbidden(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_internet_address_is_allowed(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::]"],
)
def test_no_spelling_of_a_private_address_is_ever_connected_to(host, canary, file):
    assert fault_of(download, f"https://{host}:{canary.port}/secret", file, ServerFacts(), Guard()) in {
        Fault.FORBIDDEN,
        Fault.UNREACHABLE,  # a spelling that the system's resolver does not take
    }
    assert canary.visitors == 0


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_a_name_that_resolves_to_a_private_address_is_never_connected_to(address, canary, file):
    guard = Guard(resolve=lambda host, port: [address])
    assert (
        fault_of(download, f"https://files.example:{canary.port}/secret", file, ServerFacts(), guard) == Fault.FORBIDDEN
    )
    assert canary.visitors == 0


def test_a_name_with_a_public_and_a_private_address_is_tried_at_the_public_one_alone(canary, file):
    tried = []

    def is_allowed(address):
        tried.append(address)
        return address == "127.0.0.3"  # stands for a public one; nobody listens there

    guard = Guard(resolve=lambda host, port: ["127.0.0.1", "127.0.0.3"], is_allowed=is_allowed)
    assert fault_of(download, f"https://files.example:{canary.port}/x", file, ServerFacts(), guard) == Fault.UNREACHABLE
    assert canary.visitors == 0
    assert tried == ["127.0.0.1", "127.0.0.3"]


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_a_name_is_resolved_once_and_the_connection_goes_to_the_address_that_was_checked(serve, file, tmp_path):
    server_side, client_side = certificate(tmp_path, "files.example")
    server = serve(plain(), host="127.0.0.2", context=server_side)
    canary = Canary(port=server.port)
    answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]]  # rebinding: the second answer is the canary's
    guard = Guard(
        resolve=lambda host, port: answers.pop(0),
        is_allowed=lambda address: address == "127.0.0.2",
        context=client_side,
    )
    download(f"https://files.example:{server.port}/video.mp4", file, ServerFacts(), guard)
    canary.close()
    assert contents(file) == BODY
    assert (len(answers), canary.visitors) == (2, 0)
    assert f"Host: files.example:{server.port}" in server.requests[0]


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_a_certificate_for_another_name_is_refused(serve, file, tmp_path):
    server_side, client_side = certificate(tmp_path, "other.example")
    server = serve(plain(), context=server_side)
    guard = Guard(resolve=lambda host, port: ["127.0.0.1"], is_allowed=lambda address: True, context=client_side)
    link = f"https://files.example:{server.port}/secret"
    assert fault_of(download, link, file, ServerFacts(), guard) == Fault.UNREACHABLE
    assert server.requests == []


@pytest.mark.parametrize(
    "link",
    [
        "http://files.example/video.mp4",
        "ftp://files.example/video.mp4",
        "file:///etc/passwd",
        "https://user:secret@files.example/video.mp4",
        "https:///video.mp4",
        "//files.example/video.mp4",
        "https://[::1/secret",
        "https://files.example:99999/secret",
        "nonsense",
        "",
    ],
)
def test_only_an_encrypted_address_without_a_password_is_opened(link, file):
    guard = Guard(resolve=lambda host, port: pytest.fail("it was looked up"))
    assert fault_of(download, link, file, ServerFacts(), guard) == Fault.FORBIDDEN


def test_plain_http_is_for_the_origin_of_the_remote_api_alone_and_not_for_another_port_of_it(serve, canary, file):
    server = serve(plain())
    guard = Guard(trusted_origin=f"http://127.0.0.1:{server.port}")
    assert fault_of(download, f"http://127.0.0.1:{canary.port}/x", file, ServerFacts(), guard) == Fault.FORBIDDEN
    assert fault_of(download, f"https://127.0.0.1:{server.port}/x", file, ServerFacts(), guard) == Fault.FORBIDDEN
    assert canary.visitors == 0
    fetch(server, file)
    assert contents(file) == BODY


@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{}/", "https://127.0.0.1:{}/", "//localhost:{}/", "https://localhost:{}/"]
)
def test_a_redirect_to_a_private_address_is_not_followed(where, serve, canary, file):
    server = serve(plain(b"", "302 Found", Location=where.format(canary.port)))
    assert fault_of(fetch, server, file) == Fault.FORBIDDEN
    assert canary.visitors == 0


def test_three_redirects_are_followed_and_a_fourth_is_not(serve, file):
    hop = plain(b"", "307 Temporary Redirect", Location="/video.mp4?next")
    fetch(serve(hop, hop, hop, plain()), file)
    assert contents(file) == BODY
    assert fault_of(fetch, serve(hop, hop, hop, hop, plain()), file) == Fault.FORBIDDEN


def test_a_redirect_without_an_address_is_not_followed_anywhere(serve, file):
    server = serve(plain(b"", "302 Found"), plain())
    assert fault_of(fetch, server, file) == Fault.FORBIDDEN


def test_a_request_reveals_nothing_about_us(serve, file):
    server = serve(plain(Set_Cookie="a=b"), plain())
    fetch(server, file)
    head = server.requests[0].lower()
    assert "accept-encoding: identity" in head
    assert not any(name in head for name in ("x-api-key", "cookie", "authorization", "referer"))


# What may come
@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP", "identity, gzip", "x-unknown"])
def test_a_compressed_body_is_refused(encoding, serve, file):
    assert fault_of(fetch, serve(plain(Content_Encoding=encoding)), file) == Fault.WRONG_BYTES
    assert contents(file) == b""


def test_bytes_that_do_not_look_right_are_refused_after_the_first_few(serve, file):
    server = serve(plain(b"<!doctype html>" + bytes(100_000)))
    assert fault_of(fetch, server, file, looks_right=lambda head: head[4:8] == b"ftyp") == Fault.WRONG_BYTES
    assert contents(file) == b""


@pytest.mark.parametrize("length", [len(BODY), None], ids=["said", "not said"])
def test_a_file_above_the_limit_is_refused(length, serve, file):
    assert fault_of(fetch, serve(plain(Content_Length=length)), file, largest=5000) == Fault.TOO_LARGE
    assert len(contents(file)) <= 5000


def test_a_disk_that_is_nearly_full_is_not_filled(serve, file):
    assert fault_of(fetch, serve(plain()), file, keep_free=10**18) == Fault.DISK


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        ("400 Bad Request", Fault.DEAD_LINK),
        ("403 Forbidden", Fault.DEAD_LINK),
        ("404 Not Found", Fault.DEAD_LINK),
        ("410 Gone", Fault.DEAD_LINK),
        ("408 Request Timeout", Fault.SERVER),
        ("429 Too Many Requests", Fault.SERVER),
        ("500 Internal Server Error", Fault.SERVER),
        ("503 Service Unavailable", Fault.SERVER),
        ("204 No Content", Fault.SERVER),
        ("206 Partial Content", Fault.SERVER),
        ("304 Not Modified", Fault.SERVER),
    ],
)
def test_an_answer_that_is_not_a_file_is_recognised(status, fault, serve, file):
    assert fault_of(fetch, serve(plain(b"", status)), file) == fault


def test_a_server_that_nobody_runs_is_unreachable(serve, file):
    server = serve()
    server.close()
    assert fault_of(fetch, server, file) == Fault.UNREACHABLE


def test_a_name_that_does_not_resolve_is_unreachable(file):
    def resolve(host, port):
        raise socket.gaierror

    assert (
        fault_of(download, "https://files.example/secret", file, ServerFacts(), Guard(resolve=resolve))
        == Fault.UNREACHABLE
    )


# How slowly it may come
def slowly(data, pause):
    def answer(visitor):
        for start in range(0, len(data), 10):
            visitor.sendall(data[start : start + 10])
            time.sleep(pause)

    return answer


@pytest.mark.parametrize("data", [plain(), b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 10_000], ids=["body", "headers"])
def test_a_trickle_of_bytes_is_a_stall(data, serve, file):
    assert fault_of(fetch, serve(slowly(data, 0.02)), file, window=0.5) == Fault.STALLED


def test_silence_is_a_stall(serve, file):
    assert fault_of(fetch, serve(lambda visitor: visitor.recv(1)), file, window=0.5) == Fault.STALLED


def test_the_tick_callback_can_end_it_even_while_nothing_arrives(serve, file):
    server = serve(lambda visitor: visitor.recv(1))
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) > 3:
            raise InterruptedError

    origin = f"http://127.0.0.1:{server.port}"
    with pytest.raises(InterruptedError):
        download(f"{origin}/", file, ServerFacts(), Guard(trusted_origin=origin), tick=tick)


# How it goes on
def cut(count, **headers):
    whole = plain(**headers)
    return whole[: whole.index(b"\r\n\r\n") + 4 + count]


def rest(first, body=BODY, total=None, **headers):
    whole = len(body) if total is None else total
    return plain(body[first:], "206 Partial Content", Content_Range=f"bytes {first}-{len(body) - 1}/{whole}", **headers)


def interrupted_at(count, serve, file, **headers):
    facts = ServerFacts()
    assert fault_of(fetch, serve(cut(count, **headers)), file, facts) == Fault.INTERRUPTED
    assert contents(file) == BODY[:count]
    return facts


@pytest.mark.parametrize("headers", [{"ETag": '"one"'}, {"Last_Modified": "Mon, 23 Nov 2026 01:00:00 GMT"}, {}])
def test_an_interrupted_download_resumes_where_it_stopped(headers, serve, file):
    facts = interrupted_at(5000, serve, file, **headers)
    server = serve(rest(5000 - 256, **headers))
    fetch(server, file, facts)
    assert contents(file) == BODY
    assert "range: bytes=4744-" in server.requests[0].lower()
    assert ("if-range" in server.requests[0].lower()) is bool(headers)


def test_a_weak_etag_is_not_trusted_and_not_sent_back(serve, file):
    facts = interrupted_at(5000, serve, file, ETag='W/"one"')
    server = serve(rest(5000 - 256))
    fetch(server, file, facts)
    assert "if-range" not in server.requests[0].lower()


def test_a_changed_file_that_arrives_complete_replaces_the_partial_one(serve, file):
    facts = interrupted_at(5000, serve, file, ETag='"one"')
    other = BODY[::-1]
    fetch(serve(plain(other, ETag='"two"')), file, facts)
    assert contents(file) == other
    assert facts.etag == '"two"'


@pytest.mark.parametrize(
    "answer",
    [
        rest(4744, ETag='"two"'),
        rest(4000, ETag='"one"'),
        rest(4744, BODY[:4744] + b"x" + BODY[4745:], ETag='"one"'),
        rest(4744, BODY[:4990], ETag='"one"', total=4990),
        plain(b"", "206 Partial Content", ETag='"one"'),
        plain(b"", "416 Range Not Satisfiable", Content_Range="bytes */4000"),
    ],
    ids=["another etag", "another range", "another seam", "a shorter file", "no range", "range beyond the end"],
)
def test_parts_of_two_files_are_never_joined(answer, serve, file):
    facts = interrupted_at(5000, serve, file, ETag='"one"')
    assert fault_of(fetch, serve(answer), file, facts) == Fault.CHANGED
    assert (contents(file), facts.length) == (b"", None)


def test_without_an_etag_another_length_is_another_file(serve, file):
    facts = interrupted_at(5000, serve, file)
    assert fault_of(fetch, serve(rest(4744, BODY + b"more")), file, facts) == Fault.CHANGED


def test_a_wrong_length_is_corrected_by_the_range(serve, file):
    facts = interrupted_at(len(BODY), serve, file, ETag='"one"', Content_Length=len(BODY) + 10)
    fetch(serve(rest(len(BODY) - 256, ETag='"one"')), file, facts)
    assert (contents(file), facts.length) == (BODY, len(BODY))


def test_a_connection_that_breaks_after_the_last_byte_is_harmless(serve, file):
    facts = interrupted_at(5000, serve, file, ETag='"one"')
    fetch(serve(rest(4744, ETag='"one"', Content_Length=len(BODY))), file, facts)
    assert contents(file) == BODY


def test_a_whole_file_of_unknown_length_is_known_to_be_whole_by_416(serve, file):
    facts = ServerFacts()
    fetch(serve(plain(Content_Length=None)), file, facts)
    assert facts.length is None
    fetch(serve(plain(b"", "416 Range Not Satisfiable", Content_Range=f"bytes */{len(BODY)}")), file, facts)
    assert (contents(file), facts.length) == (BODY, len(BODY))


@pytest.mark.parametrize("host", ["a..b", ".example.com", f"{'a' * 64}.example.com"])
def test_an_invalid_host_name_is_unreachable(host, file):
    assert fault_of(download, f"https://{host}/x.mp4", file, ServerFacts(), Guard()) == Fault.UNREACHABLE
