"""`python -m console --port 8080`: waits for a migrated database, then serves until SIGTERM."""

import argparse
import os
import signal
import sys
import time
from types import FrameType

import structlog

log = structlog.get_logger("console")
WAIT_S = 1.0


def main() -> None:
    """Serves the console; exit status 0 after SIGTERM or Ctrl-C, 2 for a setting that cannot work."""
    from crm import logs
    from crm.errors import SettingsProblem
    from crm.settings import settings

    arguments = _arguments(settings().host, settings().console_port)
    logs.configure(settings().log_level)
    signal.signal(signal.SIGTERM, _leave)
    try:
        # NiceGUI reads this when it is imported; nothing of ours is kept there.
        os.environ.setdefault("NICEGUI_STORAGE_PATH", str(settings().var_dir / "nicegui"))
        settings().secret  # noqa: B018  says now what is missing
        _wait_for_database()
        _serve(arguments.host, arguments.port)
    except SettingsProblem as error:
        sys.exit(f"console: {error}")
    except KeyboardInterrupt:
        sys.exit(0)


def _arguments(host: str, port: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m console", description="The web console for staff and marketing.")
    parser.add_argument("--host", default=host)
    parser.add_argument("--port", type=int, default=port)
    return parser.parse_args()


def _wait_for_database() -> None:
    from console import watch
    from crm.db import database
    from crm.settings import settings

    told = False
    while not watch.state_of(database(settings().database_url))[1]:
        if not told:
            log.info("waiting_for_database", hint="run `trian migrate`")
            told = True
        time.sleep(WAIT_S)


def _serve(host: str, port: int) -> None:
    import uvicorn

    from console import app
    from crm.db import database
    from crm.heartbeat import Heartbeat, instance
    from crm.settings import settings

    # Open pages hold their sockets: after two seconds they are cut, so that stopping is prompt.
    config = uvicorn.Config(
        app.create(),
        host=host,
        port=port,
        log_level="warning",
        ws="wsproto",
        server_header=False,
        timeout_graceful_shutdown=2,
        forwarded_allow_ips=settings().trusted_proxies,
    )
    log.info("console_ready", url=f"http://{host}:{port}/")
    heartbeat = Heartbeat(database(settings().database_url), "console", instance(port))
    heartbeat.start()
    try:
        uvicorn.Server(config).run()
    finally:
        heartbeat.stop()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # uvicorn raises the signal again once it has shut down: this turns it into a clean end.
    sys.exit(0)


if __name__ == "__main__":
    main()
