"""Receives an upload into a file of our own name, and stops as soon as it is too large."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from ...utils.files import printable
from .limits import Limits
from .worker import NAME

#: Endings that a stored upload keeps, for people; the content alone decides how it is read.
_ENDINGS = set(".avif .bmp .gif .heic .heif .jp2 .jpeg .jpg .png .ppm .tif .tiff .webp".split())
#: What a multipart body may have besides its file, bytes.
_AROUND = 1 << 16


def label_of(name: str, limits: Limits) -> str:
    """What people read of a user's file name: its last part, on one line."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    return printable(last or "image")[: limits.names]


async def receive(request: Request, folder: Path, limits: Limits) -> tuple[Path, str]:
    """Writes a request's body, or the file in its form, into a folder.

    Returns:
        The file's path, of our own name, and the name that the form gives it, "" where there is none.

    Raises:
        HTTPException: with the status and the line that the client gets.
    """
    _check_length(request.headers.get("content-length"), limits)
    try:
        with anyio.fail_after(limits.upload_seconds):
            if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
                return await _receive_form(request, folder, limits)
            path = folder / f"{NAME}{_ending(request.query_params.get('name', ''))}"
            return await _receive_body(request, path, limits), ""
    except TimeoutError:
        raise HTTPException(408, f"the upload took longer than {limits.upload_seconds} seconds") from None
    except ClientDisconnect:
        raise HTTPException(400, "the upload was broken off") from None
    except OSError as error:
        raise HTTPException(507, f"the upload cannot be stored: {(error.strerror or str(error)).lower()}") from None


async def _receive_body(request: Request, path: Path, limits: Limits) -> Path:
    received = 0
    async with await anyio.open_file(path, "wb") as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > limits.bytes:
                raise _too_large(limits)
            await file.write(chunk)
    if not received:
        raise HTTPException(400, "the request has no content; send the image as its body, or in a form")
    return path


async def _receive_form(request: Request, folder: Path, limits: Limits) -> tuple[Path, str]:
    received = 0

    async def counted():
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limits.bytes + _AROUND:
            raise _too_large(limits)
        return message

    async with Request(request.scope, counted).form(max_files=1, max_fields=8, max_part_size=_AROUND) as form:
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        if not files:
            raise HTTPException(400, "the form has no file; send the image as the field 'image'")
        if not files[0].size:
            raise HTTPException(400, "the file is empty")
        if files[0].size > limits.bytes:
            raise _too_large(limits)
        name = files[0].filename or ""
        path = folder / f"{NAME}{_ending(name)}"
        await anyio.to_thread.run_sync(_copy, files[0].file, path)
        return path, name


def _copy(source, path: Path) -> None:
    with open(path, "wb") as file:
        shutil.copyfileobj(source, file)


def _check_length(length: str | None, limits: Limits) -> None:
    """Refuses by what the client announces, before anything of it is read."""
    if length is not None and (not length.isdigit() or int(length) > limits.bytes + _AROUND):
        raise _too_large(limits)


def _too_large(limits: Limits) -> HTTPException:
    return HTTPException(413, f"the image is larger than {limits.bytes} bytes; give --max-bytes, or a smaller one")


def _ending(name: str) -> str:
    ending = PurePosixPath(name.lower()).suffix
    return ending if ending in _ENDINGS else ""
