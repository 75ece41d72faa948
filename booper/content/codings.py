"""What a target has compressed is read without its help, and never further than a limit: a bomb is a beginning."""

import zlib
from collections.abc import Callable

import brotli
import zstandard

OFFERED = "gzip, br, zstd"
"""What an Accept-Encoding header says of this module."""

# Nobody who means well compresses more often.
_MOST_CODINGS = 3
_GZIP, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
# RFC 9659: what a decoder of HTTP has to have room for, and no more is taken.
_LARGEST_ZSTD_WINDOW = 8 * 1024 * 1024


class Undecodable(ValueError):
    """A body is not what its header says, or its coding is not read here."""


def decoded(body: bytes, codings: str, *, limit: int) -> bytes:
    """`body` without its `codings`, as a Content-Encoding header lists them; of what is longer, `limit` bytes.

    Of a body that is cut off, what there is. Raises Undecodable.
    """
    names = [name for part in codings.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if len(names) > _MOST_CODINGS:
        raise Undecodable(f"{len(names)} codings")
    for name in reversed(names):
        decode = _DECODERS.get(name)
        if decode is None:
            raise Undecodable(f"the coding {name[:40]!a}")
        try:
            body = decode(body, limit)[:limit]
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise Undecodable(str(error)) from None
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    """One member after the other: what follows the first may be another."""
    found = b""
    while body and len(found) < limit:
        member = zlib.decompressobj(_GZIP)
        found += member.decompress(body, limit - len(found))
        body = member.unused_data
    return found


def _deflate(body: bytes, limit: int) -> bytes:
    """Inflates a body with zlib's header, as the standard has it, or without, as some send it."""
    try:
        return zlib.decompressobj().decompress(body, limit)
    except zlib.error:
        return zlib.decompressobj(_RAW_DEFLATE).decompress(body, limit)


def _brotli(body: bytes, limit: int) -> bytes:
    decoder = brotli.Decompressor()
    found = more = decoder.process(body, output_buffer_limit=limit)
    # It hands out what it has in pieces, those of a cut body too.
    while more and len(found) < limit and not decoder.is_finished():
        more = decoder.process(b"", output_buffer_limit=limit - len(found))
        found += more
    return bytes(found)


def _zstd(body: bytes, limit: int) -> bytes:
    decoder = zstandard.ZstdDecompressor(max_window_size=_LARGEST_ZSTD_WINDOW)
    with decoder.stream_reader(body, read_across_frames=True) as reader:
        return reader.read(limit)


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
