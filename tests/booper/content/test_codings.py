"""Compressed answers are read by ourselves, and a bomb is only its beginning."""

import gzip
import random
import tracemalloc
import zlib

import brotli
import pytest
import zstandard

from booper.content import codings
from booper.content.codings import Undecodable

TEXT = b'{"$set": {"cursor": 7}}' * 50


def raw_deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


CODED = {
    "gzip": gzip.compress,
    "X-GZIP": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": raw_deflate,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", CODED)
def test_each_coding_is_read(name):
    assert codings.decoded(CODED[name](TEXT), name, limit=65_536) == TEXT


@pytest.mark.parametrize("name", [*CODED, "br, gzip"])
def test_a_bomb_is_inflated_up_to_the_limit_and_no_further(name):
    bomb = brotli.compress(b"a" * 50_000_000) if name == "br, gzip" else CODED[name](b"a" * 50_000_000)
    bomb = gzip.compress(bomb) if name == "br, gzip" else bomb
    tracemalloc.start()
    assert codings.decoded(bomb, name, limit=1000) == b"a" * 1000
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("name", CODED)
def test_of_a_body_that_is_cut_off_there_is_its_beginning(name):
    data = random.Random(1).randbytes(200_000)
    found = codings.decoded(CODED[name](data)[:-20], name, limit=100_000)
    assert found == data[:100_000]


def test_codings_are_undone_from_the_last_to_the_first():
    assert codings.decoded(gzip.compress(brotli.compress(TEXT)), "br, identity, gzip", limit=65_536) == TEXT


def test_members_of_gzip_follow_each_other():
    assert codings.decoded(gzip.compress(b"a") + gzip.compress(b"b"), "gzip", limit=10) == b"ab"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        *((b"\x81garbage", name) for name in CODED),
        (TEXT, "compress"),
        (gzip.compress(TEXT, mtime=0), "gzip, aws-chunked"),
        (gzip.compress(TEXT, mtime=0), "gzip, gzip, gzip, gzip"),
    ],
)
def test_what_is_no_such_coding_is_refused(body, names):
    with pytest.raises(Undecodable):
        codings.decoded(body, names, limit=1000)


def test_all_that_is_offered_is_read():
    assert set(codings.OFFERED.split(", ")) <= set(CODED)
