"""The JSON API: what each address does."""

from __future__ import annotations

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .jobs import COMPARISON, DETECTION, DONE, FAILED, Job, Jobs, QueueFull
from .limits import Limits
from .openapi import describe
from .progress import Progress
from .runner import Runner
from .state import state_of
from .uploads import label_of, receive

#: Seconds between two looks at whether a result is there that a client waits for.
_LOOK = 0.1


class Api:
    """Attributes: jobs, runner, progress, limits: of the session."""

    def __init__(self, jobs: Jobs, runner: Runner, progress: Progress, limits: Limits):
        self.jobs, self.runner, self.progress, self.limits = jobs, runner, progress, limits
        self.routes = [
            Route("/v1/detect", self.detect, methods=["POST"]),
            Route("/v1/images", self.list, methods=["GET"]),
            Route("/v1/images", self.queue, methods=["POST"]),
            Route("/v1/images/{id}", self.state, methods=["GET"]),
            Route("/v1/images/{id}", self.remove, methods=["DELETE"]),
            Route("/v1/images/{id}/comparison", self.compare, methods=["POST"]),
            Route("/v1/images/{id}/files/{file:path}", self.file, methods=["GET"]),
            Route("/v1/openapi.json", self.openapi, methods=["GET"]),
        ]

    async def detect(self, request: Request) -> Response:
        """Answers when the result is there; a client that goes away takes its image along."""
        job = await self._upload(request, DETECTION)
        while not job.ended:
            if await request.is_disconnected():
                await anyio.to_thread.run_sync(self.runner.cancel, job)
            await anyio.sleep(_LOOK)
        if job.state == DONE:
            return JSONResponse(job.record, headers={"Location": f"/v1/images/{job.id}"})
        if job.state == FAILED:
            raise HTTPException(503 if self.runner.ending else 422, job.error)
        raise HTTPException(409, "the image was removed before it was done")

    async def list(self, request: Request) -> Response:
        return JSONResponse({"images": [self._state(job) for job in self.jobs.all()]})

    async def queue(self, request: Request) -> Response:
        return JSONResponse(self._state(await self._upload(request, DETECTION)), 202)

    async def state(self, request: Request) -> Response:
        return JSONResponse(self._state(self.job(request)))

    async def remove(self, request: Request) -> Response:
        await anyio.to_thread.run_sync(self.runner.cancel, self.job(request))
        return Response(status_code=204)

    async def compare(self, request: Request) -> Response:
        job = self.job(request)
        return JSONResponse(self._state(await self._upload(request, COMPARISON, job)), 202)

    async def file(self, request: Request) -> Response:
        job, name = self.job(request), request.path_params["file"]
        if name not in job.files:
            raise HTTPException(404, "there is no such file; the image's files are listed with it")
        return FileResponse(job.folder / name)

    async def openapi(self, request: Request) -> Response:
        return JSONResponse(describe(self.limits))

    def job(self, request: Request) -> Job:
        """Of a request's path.

        Raises:
            HTTPException: there is none.
        """
        job = self.jobs.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404, "there is no such image; it may have been removed")
        return job

    async def _upload(self, request: Request, kind: str, other: Job | None = None) -> Job:
        """Takes a place in the queue, receives the upload, and lets it wait for its turn."""
        name = label_of(request.query_params.get("name", ""), self.limits)
        try:
            job = self.jobs.add(kind, name, other)
        except QueueFull as error:
            raise HTTPException(429, str(error), {"Retry-After": "5"}) from None
        try:
            file, given = await receive(request, job.folder, self.limits)
        except BaseException:
            self.jobs.remove(job)
            raise
        if given:
            job.name = label_of(given, self.limits)
        self.jobs.start(job, file)
        return job

    def _state(self, job: Job) -> dict:
        return state_of(job, self.jobs, self.progress)
