"""Bad input for the form that spends money, and for everything else that reads requests.

TYPED is what may stand in the form's fields, with the sentence that must come back. WIRE is what may go wrong on the
way: bodies that no browser sends, or that arrive damaged. ASKED are addresses with junk in them.
"""

import json
from dataclasses import dataclass, field

DEEP = 10_000
TWO_MEGABYTES = 2 * 1024**2
GOOD = {"prompt": "a lighthouse in fog", "provider": "veo_3_1", "aspect_ratio": "16:9", "config": '{"duration": 8}'}
GOOD |= {"count": "1", "reference_image_url": "", "tail_image_url": ""}


@dataclass(frozen=True)
class Typed:
    """Fields as they are sent, on top of GOOD; `beside` is the field whose sentence `says` so."""

    name: str
    beside: str
    says: str
    fields: dict


def typed(beside, says, **values):
    return [Typed(f"{beside}: {name}", beside, says, {beside: value}) for name, value in values.items()]


CANNOT_BE_STORED = "cannot be stored"
ADDRESS = "full address"
PROMPTS = [
    *typed("prompt", "Enter a prompt", nothing="", blank="   ", newlines="\r\n\n\r", no_break="\xa0"),
    *typed("prompt", "Enter a prompt", ideographic="\u3000\u2003", tabs="\t\v\f"),
    *typed("prompt", CANNOT_BE_STORED, nul="a\0b", only_nul="\0", half_a_pair="a \ud83d b", other_half="\udc00"),
    *typed("prompt", CANNOT_BE_STORED, unreadable="caf\ufffd"),
    *typed("prompt", "10,001 characters", too_long="x" * 10_001, too_long_rtl="\u202e" + "א" * 10_000),
    *typed("prompt", "characters; keep it within", too_long_zalgo="a" + "\u0301" * 10_000, families="👩‍👩‍👧" * 3000),
    *typed("prompt", "characters; keep it within", too_long_crlf="a\r\n" * 6000, half_a_megabyte="é" * 250_000),
]
CHOICES = [
    *typed("provider", "There is no provider called", unknown="no_such_model", markup="<b>veo_3_1</b>"),
    *typed("provider", CANNOT_BE_STORED, nul="veo\0"),
    *typed("provider", "There is no provider called", upper="VEO_3_1", long="v" * 5000, quoted="' or 1=1 --"),
    *typed("provider", "is paused: sold out. Try", paused="sora_v2"),
    Typed("also: unknown", "provider", "There is no provider called", {"also": "no_such_model"}),
    Typed("also: NUL", "provider", "There is no provider called", {"also": "a\0"}),
    Typed("also: empty", "provider", "There is no provider called", {"also": ""}),
    Typed("also: paused", "provider", "is paused", {"also": ["kling_pro", "sora_v2"]}),
    Typed("also: too many", "provider", "up to 4", {"also": ["kling_pro", "seedance_pro", "runway_gen4", "sora_v2"]}),
    Typed("also: junk, many times", "provider", "up to 4", {"also": [str(number) for number in range(50)]}),
]
WHOLE_NUMBERS = "whole numbers"
RATIOS = [
    *typed(
        "aspect_ratio", "One side can be at", zero="0:1", zeros="0:0", steep="1:100", flat="99999:1", nearly="101:10"
    ),
    *typed(
        "aspect_ratio", WHOLE_NUMBERS, negative="-1:1", huge="1e9:1", long="1000000:1000000", words="wide", one="16"
    ),
    *typed("aspect_ratio", WHOLE_NUMBERS, three="16:9:1", comma="16,9", float="1.5:1", arabic="١٦:٩", wide="１６：９"),
    *typed("aspect_ratio", WHOLE_NUMBERS, empty_side="16:", markup='"><script>', long_junk="9" * 4000, sign="+16:+9"),
    *typed("aspect_ratio", CANNOT_BE_STORED, nul="16:9\0"),
]
NOT_JSON = "not valid JSON"
ONE_OBJECT = "one JSON object"
CONFIGS = [
    *typed("config", ONE_OBJECT, array="[]", number="8", string='"a"', null="null", true="true", objects="[{}]"),
    *typed(
        "config",
        NOT_JSON,
        open="{",
        trailing='{"a": 1} x',
        two='{"a": 1}{"b": 2}',
        single="{'a': 1}",
        comma='{"a": 1,}',
    ),
    *typed(
        "config",
        NOT_JSON,
        bare="{a: 1}",
        comment='{"a": 1} // one',
        mark="\ufeff{}",
        escape='{"a": "\\x"}',
        yaml="duration: 8",
    ),
    *typed("config", NOT_JSON, newline='{"a": "\n"}', plus='{"a": +1}', octal='{"a": 010}', text="eight seconds"),
    *typed("config", "not a number in JSON", nan='{"a": NaN}', infinity='{"a": Infinity}', minus='{"a": [-Infinity]}'),
    *typed("config", "appears twice", twice='{"a": 1, "a": 1}', inner='{"b": {"a": 1, "a": 2}}'),
    *typed(
        "config",
        "too large",
        exponent='{"a": 1e999}',
        integer='{"a": ' + "9" * 5000 + "}",
        beyond='{"a": 9007199254740993}',
    ),
    *typed("config", "too large", negative='{"a": -1e400}', many='{"a": -99999999999999999999}'),
    *typed(
        "config", "nested too deeply", deep='{"a":' * 9 + "1" + "}" * 9, arrays='{"a": ' + "[" * 100 + "]" * 100 + "}"
    ),
    *typed("config", "nested too deeply", very="[" * (DEEP // 2) + "]" * (DEEP // 2)),
    *typed("config", "longer than", bottomless="[" * DEEP + "]" * DEEP, long=json.dumps({"a": "x" * 10_000})),
    *typed("config", "longer than", spaces="{" + " " * 200_000 + "}"),
    *typed("config", CANNOT_BE_STORED, escaped_nul='{"a": "\\u0000"}', key='{"\\u0000": 1}', half='{"a": "\\ud800"}'),
    *typed("config", CANNOT_BE_STORED, nul='{"a": "\0"}', unreadable='{"a": "\ufffd"}', surrogate='{"a": "\udfff"}'),
]
ADDRESSES = [
    *typed(
        "reference_image_url",
        ADDRESS,
        script="javascript:alert(1)",
        ftp="ftp://example.com/a.png",
        data="data:image/png;base64,AA",
    ),
    *typed(
        "reference_image_url",
        ADDRESS,
        file="file:///etc/passwd",
        no_host="https:///a.png",
        bare="example.com/a.png",
        relative="/a.png",
    ),
    *typed(
        "reference_image_url",
        ADDRESS,
        space="https://example.com/a b.png",
        newline="https://example.com/\na.png",
        tab="https://exa\tmple.com/",
    ),
    *typed(
        "reference_image_url",
        ADDRESS,
        bracket="http://[",
        port="http://example.com:99999/",
        port_words="http://example.com:x/",
        zero="http://a.example:0/",
    ),
    *typed(
        "reference_image_url",
        ADDRESS,
        backslash="http://example.com\\a.png",
        markup="http://example.com/<b>",
        quote='http://example.com/"',
    ),
    *typed("reference_image_url", "longer than", long="https://example.com/" + "a" * 5000),
    *typed(
        "reference_image_url",
        "contains a password",
        password="https://me:secret@example.com/",
        user="https://me@example.com/",
        empty="https://@example.com/",
    ),
    *typed(
        "reference_image_url", CANNOT_BE_STORED, nul="https://example.com/\0.png", half="https://example.com/\ud800"
    ),
    *typed("tail_image_url", ADDRESS, script="javascript:alert(1)", no_host="http://", words="my holiday"),
    Typed("start_picture: junk", "reference_image", "no longer here", {"start_picture": "x"}),
    Typed("start_picture: NUL", "reference_image", CANNOT_BE_STORED, {"start_picture": "\0"}),
    Typed("start_picture: nobody's", "reference_image", "no longer here", {"start_picture": "0" * 32}),
    Typed("end_from: junk", "tail_image", "no longer here", {"end_from": "../../etc/passwd"}),
    Typed("end_from: nobody's", "tail_image", "no longer here", {"end_from": "f" * 32}),
    Typed("reference_image: only its name", "reference_image", "did not arrive", {"reference_image": "C:\\me.png"}),
]
COUNTS = typed(
    "count",
    "1 to 8",
    zero="0",
    minus="-1",
    nine="9",
    half="1.5",
    arabic="٣",
    huge="9" * 400,
    words="two",
    hex="0x1",
    padded="0008",
    nul="1\0x",
)
COUNTS = [
    entry if "\0" not in entry.fields["count"] else Typed(entry.name, "count", CANNOT_BE_STORED, entry.fields)
    for entry in COUNTS
]
TOKENS = [
    *typed(
        "token", "out of date", missing=None, empty="", short="abc", long="a" * 65, spaces=" " * 24, markup="<" * 24
    ),
    *typed("token", "out of date", accents="é" * 24, newline="a" * 23 + "\n"),
    *typed("token", CANNOT_BE_STORED, nul="a" * 20 + "\0"),
]
TYPED = [*PROMPTS, *CHOICES, *RATIOS, *CONFIGS, *ADDRESSES, *COUNTS, *TOKENS]


def multipart(fields, files=(), boundary="limit"):
    """A body as browsers send it. `fields`: name → text or texts; `files`: (field, file name, bytes) each."""
    parts = []
    for name, values in fields.items():
        for value in values if isinstance(values, list) else [values]:
            if value is not None:
                parts.append((f'form-data; name="{name}"', "", value.encode(errors="surrogatepass")))
    for name, file_name, data in files:
        parts.append((f'form-data; name="{name}"; filename="{file_name}"', "Content-Type: image/png\r\n", data))
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: {head}\r\n{kind}\r\n".encode(errors="surrogatepass") + data + b"\r\n"
        for head, kind, data in parts
    )
    return body + f"--{boundary}--\r\n".encode()


@dataclass(frozen=True)
class Wire:
    """How a request is damaged on its way. `damage(body)` gives the bytes; `missing` are promised but never sent."""

    name: str
    damage: object = bytes
    content_type: str = "multipart/form-data; boundary=limit"
    missing: int = 0
    length: str | None = None
    fields: dict = field(default_factory=dict)
    files: tuple = ()


def cut(at):
    """Everything from `at` on never arrives."""
    return lambda body: body[: body.index(at)]


def instead(old, new):
    return lambda body: body.replace(old, new)


NAME_OF_PROMPT = b'name="prompt"'
WIRE = [
    Wire("no boundary", content_type="multipart/form-data"),
    Wire("an empty boundary", content_type="multipart/form-data; boundary="),
    Wire("another boundary", content_type="multipart/form-data; boundary=other"),
    Wire("a boundary that is too long", content_type=f"multipart/form-data; boundary={'x' * 300}"),
    Wire("a boundary that is not ASCII", content_type="multipart/form-data; boundary=\xe9"),
    Wire("an unknown way of writing parameters", lambda body: b"", content_type="multipart/form-data; x*=bogus''y"),
    Wire(
        "a charset that decodes no text",
        lambda body: b"",
        content_type="multipart/form-data; boundary=limit; charset=base64",
    ),
    Wire("another multipart", content_type="multipart/mixed; boundary=limit"),
    Wire("JSON", lambda body: json.dumps(GOOD).encode(), content_type="application/json"),
    Wire("plain text", content_type="text/plain"),
    Wire("no type at all", content_type=""),
    Wire("a type that is none", content_type=";;;"),
    Wire("a form called urlencoded", content_type="application/x-www-form-urlencoded"),
    Wire("no body", lambda body: b""),
    Wire("only line ends", lambda body: b"\r\n" * 1000),
    Wire("only the last boundary", lambda body: b"--limit--\r\n"),
    Wire("bytes of no kind", lambda body: bytes(range(256)) * 20),
    Wire("cut off in the prompt", cut(b"in fog"), missing=400),
    Wire("cut off in the settings", cut(b"duration"), missing=100),
    Wire("cut off before the settings", cut(b'name="config"'), missing=400),
    Wire("cut off at the last boundary", cut(b"--limit--"), missing=11),
    Wire("cut off in a picture", cut(b"IDAT"), missing=900, files=(("reference_image", "a.png", b"\x89PNG IDAT"),)),
    Wire("a length that is too long", missing=5000),
    Wire("a length that is too short", length="200"),
    Wire("a length below nothing", length="-5"),
    Wire("a length that is no number", length="many"),
    Wire("a length of nothing", length="0"),
    Wire("a part with no name", instead(NAME_OF_PROMPT, b"")),
    Wire("a part with an empty name", instead(NAME_OF_PROMPT, b'name=""')),
    Wire("a part with a name in bytes", instead(NAME_OF_PROMPT, b'name="\xff\xfe"')),
    Wire("a part in an unknown charset", instead(NAME_OF_PROMPT, b"name*=bogus''prompt")),
    Wire("a part with endless headers", instead(NAME_OF_PROMPT, b'name="prompt"\r\n' + b"X-Y: z\r\n" * 2000)),
    Wire(
        "a prompt in base64 that is none",
        instead(NAME_OF_PROMPT, b'name="prompt"\r\nContent-Transfer-Encoding: base64\r\nX: y\r\n\r\n\xff'),
    ),
    Wire("a prompt sent as a file", instead(NAME_OF_PROMPT, b'name="prompt"; filename="prompt.txt"')),
    Wire("a prompt in Latin-1", instead(b"fog", b"caf\xe9")),
    Wire("a prompt in UTF-16", instead(b"a lighthouse in fog", "a lighthouse".encode("utf-16"))),
    Wire("settings in no encoding", instead(b'"duration"', b'"\xc3\x28"')),
    Wire("too many fields", fields={"extra": ["x"] * 601}),
    Wire("a field of two megabytes", fields={"config": "x" * (TWO_MEGABYTES + 1)}),
    Wire("a hidden field of two megabytes", fields={"extra": "x" * (TWO_MEGABYTES + 1)}),
    Wire("too many files", files=tuple(("other", f"{number}.png", b"x") for number in range(51))),
    Wire("two files for one field", files=(("reference_image", "a.png", b"x"), ("reference_image", "b.png", b"y"))),
    Wire("a file of no bytes", files=(("reference_image", "a.png", b""),)),
    Wire("a file that is no picture", files=(("tail_image", "a.png", b"MZ" + b"\0" * 500),)),
    Wire("a file whose name is a path", files=(("reference_image", "../../../etc/passwd", b"root:x:0:0"),)),
    Wire("a file whose name has a NUL", files=(("reference_image", "a\0.png", b"no picture"),)),
    Wire("a file whose name has a line end", files=(("reference_image", 'a\nX: y".png', b"no picture"),)),
    Wire("a file whose name is endless", files=(("reference_image", "a" * 5000 + ".png", b"no picture"),)),
    Wire("a file whose name is long", files=(("reference_image", "é" * 300 + ".png", b"no picture"),)),
]

BIG = "9" * 4000
ASKED = [
    "/?state=%00",
    "/?state=nothing&state=trash",
    "/?q=%00%ff%ed%a0%80",
    "/?q=" + "word%20" * 2000,
    "/?q=%25%5F%5C%27%22%3B--",
    "/?provider=%00&ratio=%00&when=%00&whose=%00",
    "/?provider=" + "x" * 5000,
    "/?ratio=0%3A0",
    "/?from=0001-01-01&to=9999-12-31",
    "/?from=2026-13-45&to=%D9%A2",
    "/?from=-1&to=1e9",
    f"/?before={BIG}",
    "/?before=-1",
    "/?before=%D9%A3",
    "/?reuse=%00",
    "/?reuse=x&continue=y&prompt_of=z",
    f"/?continue={'1' * 32}",
    f"/updates?since={BIG}",
    f"/updates?since=-{BIG}",
    f"/updates?since=1~{'9' * 400}.{'9' * 400}",
    "/updates?since=1~1.2.3_4_.~~~~",
    "/updates?since=%D9%A3~%00~%ff",
    "/updates?since=1~" + "1.1_" * 5000,
    "/updates",
    "/compose?reuse=%00&prompt_of=%ff",
    "/compare?g=x&g=%00&batch=%00",
    "/compare?" + "&".join("g=" + f"{number:032x}" for number in range(150)),
    "/usage?from=x&to=%00&days=-1",
    "/usage.csv?from=9999-12-31&to=0001-01-01",
]

# Odd, and right all the same: what is kept is what was typed.
ODD_BUT_RIGHT = [
    ("right to left", {"prompt": "\u202eשלום\u202c עולם"}, {}),
    ("combining marks", {"prompt": "Z͑ͫ̓a̴l̷g̵o̶"}, {}),
    ("families and flags", {"prompt": "👩‍👩‍👧 🏳️‍🌈 𝔘𝔫𝔦"}, {}),
    ("line ends of every kind", {"prompt": "\n\r\na\r\nb\nc\rd\n"}, {}),
    ("spaces around", {"prompt": "  a  "}, {}),
    ("markup", {"prompt": "</textarea><script>alert(1)</script>{{ 7 }}&amp;"}, {}),
    ("control characters", {"prompt": "a\x01\x1b[31m\x7f\x80\ufeff\u2028b"}, {}),
    ("as long as may be", {"prompt": "x" * 10_000}, {}),
    ("a ratio with a space after it", {"aspect_ratio": "16:9 "}, {"aspect_ratio": "16:9"}),
    ("a ratio with a slash", {"aspect_ratio": "16/9"}, {"aspect_ratio": "16:9"}),
    ("a ratio nobody lists", {"aspect_ratio": "10:1"}, {"aspect_ratio": "10:1"}),
    ("a ratio with zeros before it", {"aspect_ratio": "016:09"}, {"aspect_ratio": "16:9"}),
    ("no ratio", {"aspect_ratio": ""}, {"aspect_ratio": "16:9"}),
    ("no settings", {"config": " \n"}, {"config": {}}),
    ("settings that tempt scripts", {"config": '{"__proto__": {"a": 1}}'}, {"config": {"__proto__": {"a": 1}}}),
    ("settings with an empty key", {"config": '{"": ""}'}, {"config": {"": ""}}),
    ("settings as deep as may be", {"config": '{"a":' * 7 + "1" + "}" * 7}, {}),
    ("settings that say prompt", {"config": '{"prompt": "x"}'}, {"config": {"prompt": "x"}}),
    ("the largest whole number", {"config": '{"seed": 9007199254740992}'}, {"config": {"seed": 2**53}}),
    ("no provider", {"provider": ""}, {}),
    ("itself once more", {"also": "veo_3_1"}, {}),
    ("an address in another script", {"reference_image_url": "https://bücher.example/ä.png"}, {}),
    ("an address of numbers", {"tail_image_url": "http://[2001:db8::1]:8080/a?b=c#d"}, {}),
    ("spaces around an address", {"tail_image_url": " https://e.example/ "}, {"end_frame_url": "https://e.example/"}),
    ("no count", {"count": ""}, {}),
    ("fields nobody asked for", {"status": "ready", "owner": "1", "estimate": "0"}, {"status": "queued"}),
]
