"""Sessions of ``constrained-rcnn serve`` for tests: in this process, with the worker that a test wants."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from constrained_rcnn.apps.serve.app import make_app
from constrained_rcnn.apps.serve.jobs import Jobs
from constrained_rcnn.apps.serve.limits import Limits
from constrained_rcnn.apps.serve.progress import Progress
from constrained_rcnn.apps.serve.routes import Api
from constrained_rcnn.apps.serve.runner import Runner
from constrained_rcnn.apps.serve.security import Hosts
from constrained_rcnn.apps.serve.server import Settings, session
from constrained_rcnn.apps.serve.worker import assign
from tests.helpers.served_worker import Obedient

#: Seconds until a test gives up on what never comes; no test measures them.
PATIENCE = 240


@contextlib.contextmanager
def obedient_api(folder: Path, *, keep: bool = False, **limits) -> Iterator[Api]:
    """An API whose worker is obedient."""
    progress, limits = Progress(), Limits(**limits)
    jobs = Jobs(folder, limits, keep=keep)
    with Runner(jobs, Obedient(progress), lambda job: assign(progress, job), limits.seconds) as runner:
        yield Api(jobs, runner, progress, limits)


def app_of(api: Api, host: str = "127.0.0.1", **options):
    """The application; ``options`` of :func:`make_app`."""
    return make_app(api, hosts=Hosts(host, options.pop("allowed", ())), **options)


@contextlib.contextmanager
def serving(make, progress: Progress, **settings) -> Iterator[str]:
    """A whole session with real connections; gives its address."""
    with session(Settings(port=0, **settings), make, progress) as (server, sockets, url):
        thread = threading.Thread(target=server.run, args=[sockets])
        thread.start()
        try:
            yield url
        finally:
            server.should_exit = True
            thread.join()


def until(found, wanted=bool):
    """Asks until the answer is as wanted, and returns it."""
    end = time.monotonic() + PATIENCE
    while not wanted(answer := found()):
        assert time.monotonic() < end, answer
        time.sleep(0.05)
    return answer


def resolve(description: dict, schema: dict) -> dict:
    """A schema of an OpenAPI description with all that it refers to, for a validator."""
    return {"$schema": description["jsonSchemaDialect"], **json.loads(json.dumps(schema)),
            "components": description["components"]}  # fmt: skip
