"""Moto's server, with one thing as AWS has it: the answer to HEAD carries the CORS headers that GET's does. It is started as a program of its own."""

from typing import Any

from moto.s3.responses import S3Response
from moto.server import main


def answer_head_as_get(response: type[S3Response]) -> None:
    """Put the bucket's CORS headers onto what HEAD of an object is answered."""
    plain = response.head_object

    def head_object(self: S3Response, *given: Any, **named: Any) -> Any:
        status, headers, body = plain(self, *given, **named)
        return status, {**self._get_cors_headers_other(), **headers}, body

    response.head_object = head_object  # type: ignore[method-assign]


if __name__ == "__main__":
    answer_head_as_get(S3Response)
    main()
