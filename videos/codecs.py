"""Video codecs: their names, the string to query a browser about each, and those that every browser plays.

A codec string is the `codecs` parameter of a media type (RFC 6381), as `HTMLMediaElement.canPlayType` takes it.
"""

NAMES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "av1": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "mpeg4": "MPEG-4 Part 2",
    "prores": "ProRes",
    "mjpeg": "Motion JPEG",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
}
# libav's decoders and encoders, by which version 0.1.0 named the codec.
DECODERS = {
    "libdav1d": "av1",
    "libaom-av1": "av1",
    "libsvtav1": "av1",
    "libvpx": "vp8",
    "libvpx-vp9": "vp9",
    "libx264": "h264",
    "libopenh264": "h264",
    "libx265": "hevc",
    "libxvid": "mpeg4",
}
# Browsers differ on these. The script asks each browser about the string (static/studio/playable.js) and shows the
# notes of those families that it refuses. H.264 is played everywhere, and any other codec nearly nowhere.
ASKED = {
    "hvc1": "hvc1.1.6.L93.B0",
    "hev1": "hev1.1.6.L93.B0",
    "av1": "av01.0.05M.08",
    "vp9": "vp09.00.10.08",
    "mpeg4": "mp4v.20.9",
    "prores": "apcn",
}
EVERYWHERE = "h264"


def name_of_codec(codec: str) -> str:
    """For people: "HEVC" for hevc."""
    return NAMES.get(codec, codec.upper())


def family(codec: str, codec_string: str) -> str:
    """A key of ASKED, EVERYWHERE, or "other". HEVC has two, by whether its parameters stand in the index or in the
    stream, because Safari plays only the first."""
    if codec == "hevc":
        return "hev1" if codec_string.startswith("hev1") else "hvc1"
    return codec if codec in ASKED or codec == EVERYWHERE else "other"


def codec_string(codec: str, tag: str, record: bytes) -> str:
    """The RFC 6381 string of a stream with this four-letter tag; `record` is its decoder configuration record."""
    try:
        if codec == "h264":
            return f"avc1.{record[1:4].hex()}" if len(record) > 3 and record[0] == 1 else "avc1"
        if codec == "hevc":
            return hevc_string(tag, record)
        if codec == "av1":
            return av1_string(record)
    except IndexError:  # a record that is too short says no more than the codec
        return ASKED[family(codec, tag)]
    printable = tag if tag.isascii() and tag.isalnum() else ""
    return ASKED.get(codec, printable) if codec != "prores" else printable or ASKED["prores"]


def hevc_string(tag: str, record: bytes) -> str:
    """ISO/IEC 14496-15, annex E.3: profile, compatibility flags in reverse bit order, tier and level, constraints."""
    space = ("", "A", "B", "C")[record[1] >> 6]
    flags = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if record[1] & 0x20 else "L"
    constraints = [f"{byte:X}" for byte in record[6:12].rstrip(b"\0")]
    known = tag if tag in ("hvc1", "hev1") else "hvc1"
    return ".".join([known, f"{space}{record[1] & 0x1F}", f"{flags:X}", f"{tier}{record[12]}", *constraints])


def av1_string(record: bytes) -> str:
    """AV1 in ISO media files, section 5: profile, level and tier, bits."""
    profile, level = record[1] >> 5, record[1] & 0x1F
    tier = "H" if record[2] & 0x80 else "M"
    bits = (12 if record[2] & 0x20 else 10) if record[2] & 0x40 else 8
    return f"av01.{profile}.{level:02}{tier}.{bits:02}"
