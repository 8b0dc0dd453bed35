"""The body of an answer that was passed on, without its content coding (RFC 9110, section 8.4), within a bound."""

import zlib

import brotli
import zstandard

from crmgraph.upstream.tee import PassedCall

LONGEST = 8 * 2**20
"""The longest body that a compressed one becomes, in bytes."""


def decoded(call: PassedCall) -> bytes | None:
    """The body of the answer; None where it cannot be read, or becomes longer than `LONGEST`."""
    codings = (value for name, value in call.answer_headers if name.lower() == b"content-encoding")
    coding = next(codings, b"identity").decode("latin-1").strip().lower()
    if call.method == "HEAD" or not call.answer or coding in ("identity", ""):
        return call.answer
    try:
        match coding:
            case "gzip" | "x-gzip":
                return _within(zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(call.answer, LONGEST + 1))
            case "deflate":
                return _within(zlib.decompressobj().decompress(call.answer, LONGEST + 1))
            case "br":
                return _within(brotli.Decompressor().process(call.answer, output_buffer_limit=LONGEST + 1))
            case "zstd":
                reader = zstandard.ZstdDecompressor(max_window_size=LONGEST).stream_reader(call.answer)
                return _within(reader.read(LONGEST + 1))
    except (zlib.error, brotli.error, zstandard.ZstdError):
        return None
    return None


def _within(body: bytes) -> bytes | None:
    return body if len(body) <= LONGEST else None
