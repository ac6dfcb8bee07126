"""The page: what the browser shows of the session. Its words stand in ``visualization/html/templates/serve*.html``."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from ...visualization.html.page import policy, render
from ..compare.page import shown
from ..detect.table import row_of
from ..inputs import safe_stem
from .jobs import COMPARISON, DONE, Job
from .routes import Api

_STATIC = Path(__file__).with_name("static")
#: Script and style of the page: files of this server, nothing inline but the common style sheet, by its digest.
_POLICY = policy("script-src 'self'", "connect-src 'self'").replace("style-src ", "style-src 'self' ")


class Page:
    """Attributes: routes: the page, its script and style, and the result of one image as a part of the page."""

    def __init__(self, api: Api, kept: str):
        """
        Args:
            api: of the session.
            kept: folder in which results stay, for people; "": none.
        """
        self._api, self._kept = api, kept
        self.routes = [
            Route("/", self.page, methods=["GET"]),
            Route("/favicon.ico", self.no_icon, methods=["GET"]),
            Route("/static/{file}", self.static, methods=["GET"]),
            Route("/results/{id}", self.result, methods=["GET"]),
        ]

    async def page(self, request: Request) -> Response:
        html = render("serve.html", policy=_POLICY, limits=self._api.limits, kept=self._kept)
        return HTMLResponse(html, headers={"Content-Security-Policy": f"{_POLICY}; frame-ancestors 'none'"})

    async def no_icon(self, request: Request) -> Response:
        """Browsers ask for it with each result page that is opened by itself."""
        return Response(status_code=204)

    async def static(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name not in {path.name for path in _STATIC.iterdir()}:
            raise HTTPException(404, "there is no such file")
        return FileResponse(_STATIC / name)

    async def result(self, request: Request) -> Response:
        job = self._api.job(request)
        if job.state != DONE:
            raise HTTPException(404, "there is no result yet")
        return HTMLResponse(result_of(job))


def result_of(job: Job) -> str:
    """A finished job as a part of the page."""
    base = f"/v1/images/{job.id}/files/"
    if job.kind == COMPARISON:
        pair = job.record["pair"]
        return render("serve_comparison.html", pair=pair and shown(pair), base=base, files=job.files)
    row = {**row_of(job.record), "by_others": False}
    titles = {finding["witness"]: finding["title"] for finding in job.record["evidence"]["findings"]}
    values = {"base": base, "files": job.files, "stem": safe_stem(Path(job.name))}
    return render("serve_result.html", row=row, titles=titles, **values)
